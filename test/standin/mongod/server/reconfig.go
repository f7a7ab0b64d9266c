// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// getConfig follows mongodb.com/docs/manual/reference/command/replSetGetConfig/.
func (s *Server) getConfig(_ context.Context, r *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.topology.Config
	if c == nil {
		return nil, fail(notYetInitialized, "no replset config has been received")
	}
	reply := bson.D{{Key: "config", Value: c}}
	if r.flag("commitmentStatus") {
		reply = append(reply, bson.E{Key: "commitmentStatus", Value: s.configCommitted()})
	}
	return reply, nil
}

// configCommitted says whether a majority of the voters has the configuration, and what was written under the one
// before is committed. The caller holds the lock.
func (s *Server) configCommitted() bool {
	t, have := s.topology, 0
	for _, m := range t.Config.Members {
		p := t.Peers[m.ID]
		same := m.ID == t.Self || p != nil && p.ConfigVersion == t.Config.Version && p.ConfigTerm == t.Config.Term
		if m.Votes > 0 && same {
			have++
		}
	}
	return have >= t.Config.Majority() && !t.Committed.Before(s.configMark)
}

// reconfigure follows mongodb.com/docs/manual/reference/command/replSetReconfig/: only the primary changes the
// configuration, by one voter at a time, and only once a majority has the present one.
func (s *Server) reconfigure(ctx context.Context, r *request) (bson.D, error) {
	if r.flag("force") {
		return nil, fail(notImplemented, "simulated: there is no forced change of the configuration")
	}
	next, err := replset.ParseConfig(r.document("replSetReconfig"))
	if err != nil {
		return nil, fail(invalidReplicaSetConfig, "%v", err)
	}
	s.locked(func() {
		if err = s.mayReconfigure(&next); err == nil {
			s.reconfiguring = true
		}
	})
	if err != nil {
		return nil, err
	}
	defer s.locked(func() { s.reconfiguring = false })
	if err := s.checkQuorum(ctx, &next); err != nil {
		return nil, err
	}
	s.locked(func() {
		if err = s.mayWrite(); err != nil {
			return
		}
		next.Term = s.topology.Term
		s.log.Info("Changing the configuration", "version", next.Version, "members", len(next.Members))
		err = s.install(&next, s.topology.Self)
		s.topology.Commit()
		s.beatNow()
	})
	if err != nil {
		return nil, err
	}
	return bson.D{}, s.awaitConfig(ctx, next.Version)
}

// awaitConfig returns when a majority has the configuration.
func (s *Server) awaitConfig(ctx context.Context, version int32) (err error) {
	var lost error
	err = s.await(ctx, func() bool {
		t := s.topology
		if t.Role != replset.Leader || t.Config.Version != version {
			lost = fail(primarySteppedDown, "stepped down before a majority had the configuration")
			return true
		}
		return s.configCommitted()
	})
	if lost != nil {
		return lost
	}
	return err
}

// mayReconfigure is asked with the lock held.
func (s *Server) mayReconfigure(next *replset.Config) error {
	t := s.topology
	if t.Config == nil {
		return fail(notYetInitialized, "no replset config has been received")
	}
	if !t.Writable {
		return fail(notWritablePrimary, "replSetReconfig should only be run on a writable PRIMARY. Current state %s;",
			t.State())
	}
	if s.reconfiguring {
		return fail(configInProgress, "a change of the configuration is under way")
	}
	if next.Settings.ReplicaSetID.IsZero() {
		next.Settings.ReplicaSetID = t.Config.Settings.ReplicaSetID
	}
	if err := t.Config.MayFollow(next); err != nil {
		return fail(configIncompatible, "%v", err)
	}
	own := next.Member(t.Self)
	if own == nil || own.Host != t.Own().Host || own.Priority == 0 {
		return fail(configIncompatible, "this node is not electable under the new configuration")
	}
	if !s.configCommitted() {
		return fail(currentConfigNotCommitted, "cannot run replSetReconfig because the current config "+
			"{version: %d, term: %d} is not majority committed", t.Config.Version, t.Config.Term)
	}
	return nil
}

// checkQuorum asks members that are new, and wants a majority of the new voters to be there.
func (s *Server) checkQuorum(ctx context.Context, next *replset.Config) error {
	answering := 0
	for _, m := range next.Members {
		s.mu.Lock()
		p, self := s.topology.Peers[m.ID], m.ID == s.topology.Self
		s.mu.Unlock()
		if !self && p == nil {
			answer, err := s.ask(ctx, m.Host)
			if err != nil {
				return fail(nodeNotFound, "quorum check failed: %s did not respond: %v", m.Host, err)
			}
			if answer.Config != nil && answer.Config.Settings.ReplicaSetID != next.Settings.ReplicaSetID {
				return fail(configIncompatible, "%s is in another replica set", m.Host)
			}
		}
		if m.Votes > 0 && (self || p == nil || p.Healthy) {
			answering++
		}
	}
	if answering < next.Majority() {
		return fail(nodeNotFound, "quorum check failed: %d of %d voters answer", answering, next.Voters())
	}
	return nil
}
