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

// errNotHere says that none of a configuration's hosts was found to be this server, and not all could be asked.
var errNotHere = errors.New("no host of the configuration is known to be this server")

// initiate makes a new set (mongodb.com/docs/manual/reference/command/replSetInitiate/).
func (s *Server) initiate(ctx context.Context, r *request) (bson.D, error) {
	c, err := replset.ParseConfig(r.document("replSetInitiate"))
	if err != nil {
		return nil, fail(invalidReplicaSetConfig, "%v", err)
	}
	if c.ID != s.options.SetName {
		return nil, fail(invalidReplicaSetConfig, "the set's name is %s, and this server's %s", c.ID, s.options.SetName)
	}
	c.Settings.ReplicaSetID, c.Term = bson.NewObjectID(), 0
	self, err := s.findSelf(ctx, &c)
	if err != nil || self == replset.NoMember {
		return nil, fail(invalidReplicaSetConfig, "no host described in new configuration maps to this node: %v", err)
	}
	if err := s.askNewMembers(ctx, &c, self); err != nil {
		return nil, err
	}
	s.locked(func() {
		if s.local.Config != nil {
			err = fail(alreadyInitialized, "already initialized")
			return
		}
		err = s.found(&c, self)
	})
	return bson.D{}, err
}

// askNewMembers refuses members that do not answer or are in a set already.
func (s *Server) askNewMembers(ctx context.Context, c *replset.Config, self int32) error {
	for _, m := range c.Members {
		if m.ID == self {
			continue
		}
		answer, err := s.ask(ctx, m.Host)
		if err != nil {
			return fail(nodeNotFound, "quorum check failed: %s did not respond: %v", m.Host, err)
		}
		if answer.ConfigVersion != noConfig {
			return fail(nodeNotFound, "quorum check failed: %s is in a replica set already", m.Host)
		}
	}
	return nil
}

// ask sends one heartbeat to a host.
func (s *Server) ask(ctx context.Context, host string) (answer pulse, err error) {
	client, err := s.dial(ctx, host)
	if err != nil {
		return answer, err
	}
	defer client.Close() //nolint:errcheck // only read
	s.mu.Lock()
	command := s.call()
	s.mu.Unlock()
	return answer, client.Run(ctx, "admin", command, &answer)
}

// found writes the first entry, then the configuration: a server that ends in between has none, and may be initiated
// again. The caller holds the lock.
func (s *Server) found(c *replset.Config, self int32) error {
	first, err := bson.Marshal(bson.D{{Key: "msg", Value: "initiating set"}})
	if err != nil {
		return err
	}
	if err := s.oplog.Truncate(0); err != nil {
		return err
	}
	now := time.Now().Truncate(time.Millisecond)
	if err := s.oplog.Write(0, now, oplog.Entry{Op: oplog.NoOp, Object: first}); err != nil {
		return err
	}
	if err := s.oplog.Sync(); err != nil {
		return err
	}
	s.log.Info("Initiating a set", "set", c.ID, "replicaSetId", c.Settings.ReplicaSetID.Hex())
	return s.install(c, self)
}

// install puts a configuration into force and on the disk. The caller holds the lock.
func (s *Server) install(c *replset.Config, self int32) error {
	s.local.Config = c
	// A member that comes to a set without data copies that first.
	fresh := s.topology.Following == replset.Startup
	if fresh && s.oplog.Len() == 0 {
		s.local.Syncing = true
	}
	if err := s.local.save(); err != nil {
		return err
	}
	t := s.topology
	t.Install(c, self)
	if fresh {
		t.Following = replset.Secondary
		if s.local.Syncing {
			t.Following = replset.Startup2
		}
	}
	if self == replset.NoMember {
		t.StepDown()
	}
	s.refreshPosition()
	s.configMark = t.Applied
	s.schedule()
	s.restartMembers()
	return nil
}

// refreshPosition takes the place of the newest entry over from the log, all of which is on the disk.
func (s *Server) refreshPosition() {
	t := s.topology
	t.Applied, t.AppliedWall = s.oplog.Last(), s.oplog.LastWall()
}

// schedule plans the next election: at once for a member that is alone.
func (s *Server) schedule() {
	t := s.topology
	t.Postpone(time.Now(), offset())
	if t.Config.Voters() == 1 && t.Own() != nil && t.Own().Votes == 1 {
		t.ElectionDue = time.Now()
	}
}

// restartMembers begins the heartbeats of the present configuration, which ends those of the one before. The caller
// holds the lock.
func (s *Server) restartMembers() {
	s.generation++
	generation := s.generation
	for _, m := range s.topology.Config.Members {
		if m.ID != s.topology.Self {
			s.spawn(func(ctx context.Context) { s.beat(ctx, m, generation) })
		}
	}
	s.beatNow()
}

// resume takes up the configuration that the last process had, once it is known which member of it this server is.
func (s *Server) resume(ctx context.Context) {
	const patience = time.Second
	c := s.local.Config
	for {
		self, err := s.findSelf(ctx, c)
		if err == nil {
			s.locked(func() { err = s.takeUp(c, self) })
		}
		if err == nil {
			return
		}
		s.log.Warn("The own host is not found in the configuration yet", "error", err.Error())
		if !pause(ctx, patience) {
			return
		}
	}
}

// takeUp begins an interrupted first copy anew.
func (s *Server) takeUp(c *replset.Config, self int32) error {
	if s.local.Syncing {
		if err := s.oplog.Truncate(0); err != nil {
			return err
		}
	}
	return s.install(c, self)
}

// findSelf asks each host of a configuration whether it is this server.
func (s *Server) findSelf(ctx context.Context, c *replset.Config) (int32, error) {
	type result struct {
		id    int32
		found bool
		err   error
	}
	results := make(chan result, len(c.Members))
	for _, m := range c.Members {
		go func() {
			found, err := s.isHere(ctx, m.Host)
			results <- result{id: m.ID, found: found, err: err}
		}()
	}
	var failed error
	for range c.Members {
		r := <-results
		if r.found {
			return r.id, nil
		}
		failed = errors.Join(failed, r.err)
	}
	if failed != nil {
		return replset.NoMember, errors.Join(errNotHere, failed)
	}
	return replset.NoMember, nil
}

func (s *Server) isHere(ctx context.Context, host string) (bool, error) {
	client, err := s.dial(ctx, host)
	if err != nil {
		return false, err
	}
	defer client.Close() //nolint:errcheck // only read
	var answer struct {
		ID bson.ObjectID `bson:"id"`
	}
	err = client.Run(ctx, "admin", bson.D{{Key: "_isSelf", Value: 1}}, &answer)
	return err == nil && answer.ID == s.processID, err
}

// learnFrom fetches a newer configuration from a member. The caller holds the lock.
func (s *Server) learnFrom(host string) {
	if s.learning || s.local.Config != nil && s.topology.Config == nil {
		return
	}
	s.learning = true
	s.spawn(func(ctx context.Context) {
		answer, err := s.ask(ctx, host)
		if err == nil && answer.Config != nil {
			err = s.adopt(ctx, answer.Config)
		}
		if err != nil {
			s.log.Warn("Fetching the configuration failed", "from", host, "error", err.Error())
		}
		s.locked(func() { s.learning = false })
	})
}

// adoptLater installs a newer configuration that came with an answer. The caller holds the lock.
func (s *Server) adoptLater(c *replset.Config) {
	if s.learning {
		return
	}
	s.learning = true
	s.spawn(func(ctx context.Context) {
		if err := s.adopt(ctx, c); err != nil {
			s.log.Warn("Installing a newer configuration failed", "error", err.Error())
		}
		s.locked(func() { s.learning = false })
	})
}

// adopt installs another member's configuration if it is newer, and of the same set.
func (s *Server) adopt(ctx context.Context, c *replset.Config) error {
	if c.ID != s.options.SetName {
		return fail(inconsistentSetNames, "the set's name is %s, not %s", c.ID, s.options.SetName)
	}
	self, err := s.selfIn(ctx, c)
	if err != nil {
		return err
	}
	s.locked(func() {
		present := s.topology.Config
		switch {
		case present == nil && s.local.Config != nil:
			// The own one is not in force yet; the next heartbeat brings this one again.
		case present == nil && self == replset.NoMember:
			err = errNotHere
		case present != nil && present.Settings.ReplicaSetID != c.Settings.ReplicaSetID:
			err = fail(invalidReplicaSetConfig, "replicaSetId %s is not ours", c.Settings.ReplicaSetID.Hex())
		case present == nil || present.Compare(c.Version, c.Term) < 0:
			err = s.install(c, self)
		}
	})
	return err
}

// selfIn needs to ask nobody where the own host is known from the present configuration.
func (s *Server) selfIn(ctx context.Context, c *replset.Config) (int32, error) {
	s.mu.Lock()
	own := s.topology.Own()
	s.mu.Unlock()
	if own == nil {
		return s.findSelf(ctx, c)
	}
	if m := c.Member(own.ID); m != nil && m.Host == own.Host {
		return own.ID, nil
	}
	return replset.NoMember, nil
}
