// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// takeOver is what the winner of an election does before it takes writes: it copies what others have and it has not,
// and writes an entry of its own term, without which nothing older could be committed.
func (s *Server) takeOver(ctx context.Context, term int64) {
	s.catchUp(ctx, term)
	var err error
	s.locked(func() {
		if t := s.topology; t.Role == replset.Leader && t.Term == term {
			err = s.beginTerm()
		}
	})
	if err != nil {
		s.end(err)
	}
}

// beginTerm opens the primary for writes. The caller holds the lock.
func (s *Server) beginTerm() error {
	t := s.topology
	// The configuration takes on the term, so that it counts as newer than what an older primary might still try.
	c := *t.Config
	c.Term = t.Term
	s.local.Config = &c
	if err := s.local.save(); err != nil {
		return err
	}
	t.Install(&c, t.Self)
	if err := s.writeNoOp("new primary"); err != nil {
		return err
	}
	t.ElectionTime, s.configMark = t.Applied, t.Applied
	if s.setting(versionNamespace, versionID) == nil {
		e, err := s.put(versionNamespace, versionID, bson.D{{Key: "version", Value: s.options.Major()}})
		if err != nil {
			return err
		}
		if err := s.write(e); err != nil {
			return err
		}
	}
	t.Writable = true
	s.log.Info("Transition to primary complete; database writes are now permitted", "term", t.Term)
	s.beatNow()
	return nil
}

// catchUp copies what the others have more. What is committed the winner has, so this saves only what no client was
// told of; it ends when a source does not answer, or after settings.catchUpTimeoutMillis.
func (s *Server) catchUp(ctx context.Context, term int64) {
	s.mu.Lock()
	limit := s.topology.Config.Settings.CatchUpTimeoutMillis
	s.mu.Unlock()
	if limit >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
		defer cancel()
	}
	s.awaitPositions(ctx)
	for ctx.Err() == nil {
		s.mu.Lock()
		t := s.topology
		id, ahead := t.Source()
		ahead = ahead && t.Role == replset.Leader && t.Term == term
		s.mu.Unlock()
		if !ahead {
			return
		}
		c := &copying{Server: s, source: id, role: replset.Leader}
		if err := c.run(ctx); err != nil && !errors.Is(err, errNoLongerSource) {
			s.log.Info("Catching up ended", "error", err.Error())
			return
		}
	}
}

// awaitPositions waits a moment for what all who answer have.
func (s *Server) awaitPositions(ctx context.Context) {
	const patience = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	_ = s.await(ctx, func() bool { // who has not answered by then is not waited for
		for _, p := range s.topology.Peers {
			if p.Healthy && p.LastHeartbeat.Before(began) {
				return false
			}
		}
		return true
	})
}

// writePeriodicNoOps lets an idle primary's log go on, so that what lags behind can be told from what is idle.
func (s *Server) writePeriodicNoOps(ctx context.Context) {
	const interval = 10 * time.Second // periodicNoopIntervalSecs
	for pause(ctx, interval) {
		s.mu.Lock()
		idle := s.topology.Writable && time.Since(s.topology.AppliedWall) >= interval
		s.mu.Unlock()
		if !idle {
			continue
		}
		if _, err := s.noOp("periodic noop"); err != nil {
			s.log.Info("No periodic entry", "error", err.Error())
		}
	}
}

// flush brings what was appended to the disk, and says so. One flush is for all that came while the last was made.
func (s *Server) flush(ctx context.Context) {
	for {
		var at replset.Position
		var rollback int32
		err := s.await(ctx, func() bool {
			at, rollback = s.topology.Position, s.local.RollbackID
			return at.Applied != at.Durable
		})
		if err == nil {
			err = s.oplog.Sync()
		}
		if err != nil {
			s.end(err)
			return
		}
		s.locked(func() {
			if s.local.RollbackID == rollback {
				s.topology.Durable, s.topology.DurableWall = at.Applied, at.AppliedWall
				s.topology.Commit()
			}
		})
	}
}
