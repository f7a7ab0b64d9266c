// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// mark is a place in the log as this member had it: in another term, or after a rollback, it may hold other entries.
type mark struct {
	opTime   oplog.OpTime
	term     int64
	rollback int32
}

// mark is the present end of the log. The caller holds the lock.
func (s *Server) mark() mark {
	return mark{opTime: s.oplog.Last(), term: s.topology.Term, rollback: s.local.RollbackID}
}

// concern is a write concern ("Write Concern", mongodb.com/docs/manual/reference/write-concern/).
type concern struct {
	// nodes is how many members must have the write; majority that the commit point must have passed it.
	nodes    int
	majority bool
	journal  bool
	timeout  time.Duration
}

// concern is the command's own, or else the set's default, or else that of MongoDB: the majority.
func (s *Server) concern(r *request) (concern, error) {
	given := r.document("writeConcern")
	if given.Lookup("w").Type == 0 {
		merged, err := s.defaultWriteConcern(given)
		if err != nil {
			return concern{}, err
		}
		given = merged
	}
	var c concern
	millis, _ := given.Lookup("wtimeout").AsInt64OK()
	c.timeout = time.Duration(millis) * time.Millisecond
	c.journal, _ = given.Lookup("j").BooleanOK()
	w := given.Lookup("w")
	if name, ok := w.StringValueOK(); ok {
		c.majority = name == "majority"
		if !c.majority {
			return c, fail(badValue, "simulated: no write concern is named %q, only majority", name)
		}
		return c, nil
	}
	n, ok := w.AsInt64OK()
	if !ok || n < 0 || n > 50 {
		return c, fail(failedToParse, "w has to be a number from 0 to 50, or majority")
	}
	c.nodes = int(n)
	return c, nil
}

// defaultWriteConcern is the set's, with what else the command has given.
func (s *Server) defaultWriteConcern(given bson.Raw) (bson.Raw, error) {
	s.mu.Lock()
	w := s.defaults().writeConcern.Lookup("w")
	s.mu.Unlock()
	var fields bson.D
	if err := bson.Unmarshal(given, &fields); err != nil {
		return nil, err
	}
	return bson.Marshal(append(bson.D{{Key: "w", Value: w}}, fields...))
}

// acknowledge returns when the write concern is fulfilled, or says why it cannot be known whether it ever is.
func (s *Server) acknowledge(ctx context.Context, c concern, at mark) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, fail(writeConcernFailed, "waiting for replication timed out"))
		defer cancel()
	}
	var lost error
	err := s.await(ctx, func() bool {
		t := s.topology
		if t.Role != replset.Leader || t.Term != at.term {
			lost = fail(primarySteppedDown, "Primary stepped down while waiting for replication")
			return true
		}
		if c.nodes > len(t.Config.Members) {
			lost = fail(unsatisfiableWriteConcern, "Not enough data-bearing nodes")
			return true
		}
		return s.fulfilled(c, at.opTime)
	})
	return errors.Join(lost, err)
}

func (s *Server) fulfilled(c concern, at oplog.OpTime) bool {
	t := s.topology
	switch {
	case c.majority:
		return !t.Committed.Before(at)
	case c.journal && t.Durable.Before(at):
		return false
	default:
		return t.Acknowledged(at, false) >= c.nodes
	}
}

// mayRead refuses a read here that wants the primary's data, or any while there is none to be trusted.
func (s *Server) mayRead(r *request) error {
	switch state := s.topology.State(); {
	case s.topology.Writable || r.login.isMember():
		return nil
	case !state.Readable():
		return fail(notPrimaryOrSecondary, "node is not in primary or recovering state: %s", state)
	default:
		mode, _ := r.document("$readPreference").Lookup("mode").StringValueOK()
		if mode == "" || mode == "primary" {
			return fail(notPrimaryNoSecondaryOk, "not primary and secondaryOk=false")
		}
		return nil
	}
}

// settle lets a read of committed data return only when what it has read is committed. MongoDB reads from a snapshot of
// the commit point instead, and need not wait; what a client sees is the same.
func (s *Server) settle(ctx context.Context, r *request, at mark) error {
	level, _ := r.document("readConcern").Lookup("level").StringValueOK()
	switch level {
	case "", "local", "available":
		return nil
	case "majority":
	case "linearizable":
		var err error
		// Being the primary still is proved by an entry of the own term that a majority takes after the read.
		if at, err = s.noOp("linearizable read"); err != nil {
			return err
		}
	default:
		return fail(invalidOptions, "simulated: there is no read concern %q", level)
	}
	var lost error
	err := s.await(ctx, func() bool {
		if s.local.RollbackID != at.rollback || level == "linearizable" && s.topology.Term != at.term {
			lost = fail(interruptedByStateChange, "what was read may have been rolled back")
		}
		return lost != nil || !s.topology.Committed.Before(at.opTime)
	})
	return errors.Join(lost, err)
}

// noOp writes an entry that changes nothing.
func (s *Server) noOp(why string) (at mark, err error) {
	s.locked(func() {
		if err = s.mayWrite(); err == nil {
			err = s.writeNoOp(why)
		}
		at = s.mark()
	})
	return at, err
}

// writeNoOp is noOp with the lock held.
func (s *Server) writeNoOp(why string) error {
	message, err := bson.Marshal(bson.D{{Key: "msg", Value: why}})
	if err != nil {
		return err
	}
	return s.write(oplog.Entry{Op: oplog.NoOp, Object: message})
}
