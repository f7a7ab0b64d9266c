// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// noConfig is the version that a member without a configuration says it has.
const noConfig = int32(-2)

// pulse is the reply to a heartbeat (server source, repl_set_heartbeat_response.idl): how the member is, and its
// configuration if that is newer than the asker's.
type pulse struct {
	Set           string          `bson:"set"`
	State         replset.State   `bson:"state"`
	ConfigVersion int32           `bson:"v"`
	ConfigTerm    int64           `bson:"configTerm"`
	Term          int64           `bson:"term"`
	PrimaryID     int32           `bson:"primaryId"`
	Applied       oplog.OpTime    `bson:"opTime"`
	AppliedWall   time.Time       `bson:"wallTime"`
	Durable       oplog.OpTime    `bson:"durableOpTime"`
	DurableWall   time.Time       `bson:"durableWallTime"`
	SyncingTo     string          `bson:"syncingTo"`
	Election      oplog.OpTime    `bson:"electionTime"`
	Committed     oplog.OpTime    `bson:"lastOpCommitted"`
	CommittedWall time.Time       `bson:"lastCommittedWall"`
	Config        *replset.Config `bson:"config,omitempty"`
}

// call is a heartbeat.
type call struct {
	Set           string `bson:"replSetHeartbeat"`
	ConfigVersion int32  `bson:"configVersion"`
	ConfigTerm    int64  `bson:"configTerm"`
	Version       int32  `bson:"hbv"`
	From          string `bson:"from"`
	FromID        int32  `bson:"fromId"`
	Term          int64  `bson:"term"`
}

// call is this member's heartbeat. The caller holds the lock.
func (s *Server) call() bson.D {
	c := call{Set: s.options.SetName, ConfigVersion: noConfig, ConfigTerm: -1, Version: 1, FromID: replset.NoMember,
		Term: s.topology.Term}
	if own := s.topology.Own(); own != nil {
		c.From, c.FromID = own.Host, own.ID
	}
	if config := s.topology.Config; config != nil {
		c.ConfigVersion, c.ConfigTerm = config.Version, config.Term
	}
	return bson.D{{Key: "replSetHeartbeat", Value: c.Set}, {Key: "configVersion", Value: c.ConfigVersion},
		{Key: "configTerm", Value: c.ConfigTerm}, {Key: "hbv", Value: c.Version}, {Key: "from", Value: c.From},
		{Key: "fromId", Value: c.FromID}, {Key: "term", Value: c.Term}}
}

// heartbeat answers one.
func (s *Server) heartbeat(_ context.Context, r *request) (bson.D, error) {
	var c call
	if err := bson.Unmarshal(r.body, &c); err != nil {
		return nil, fail(failedToParse, "%v", err)
	}
	if c.Set != s.options.SetName {
		return nil, fail(inconsistentSetNames, "repl set names do not match, ours: %s; remote node's: %s",
			s.options.SetName, c.Set)
	}
	var reply pulse
	s.locked(func() {
		t := s.topology
		t.AdoptTerm(c.Term)
		if p := t.Peers[c.FromID]; p != nil {
			p.LastReceived = time.Now()
		}
		reply = s.pulse()
		if t.Config != nil && t.Config.Compare(c.ConfigVersion, c.ConfigTerm) > 0 {
			reply.Config = t.Config
		}
		if c.From != "" && (t.Config == nil || t.Config.Compare(c.ConfigVersion, c.ConfigTerm) < 0) {
			s.learnFrom(c.From)
		}
	})
	encoded, err := bson.Marshal(reply)
	if err != nil {
		return nil, err
	}
	var fields bson.D
	return fields, bson.Unmarshal(encoded, &fields)
}

// pulse is how this member is. The caller holds the lock.
func (s *Server) pulse() pulse {
	t := s.topology
	p := pulse{Set: s.options.SetName, State: t.State(), ConfigVersion: noConfig, ConfigTerm: -1, Term: t.Term,
		PrimaryID: t.PrimaryID, Applied: t.Applied, AppliedWall: t.AppliedWall, Durable: t.Durable,
		DurableWall: t.DurableWall, Committed: t.Committed, CommittedWall: t.CommittedWall, Election: t.ElectionTime,
		SyncingTo: s.source}
	if t.Config != nil {
		p.ConfigVersion, p.ConfigTerm = t.Config.Version, t.Config.Term
	}
	return p
}

// beat sends heartbeats to one member for as long as the configuration is in force.
func (s *Server) beat(ctx context.Context, m replset.Member, generation int) {
	var client *wire.Client
	defer func() { closeClient(client) }()
	for {
		s.mu.Lock()
		over, interval, kick := s.generation != generation, s.topology.Config.HeartbeatInterval(), s.kick
		s.mu.Unlock()
		if over || ctx.Err() != nil {
			return
		}
		if client == nil {
			client, _ = s.dial(ctx, m.Host)
		}
		if !s.beatOnce(ctx, client, m) {
			closeClient(client)
			client = nil
		}
		select {
		case <-time.After(interval):
		case <-kick:
		case <-ctx.Done():
		}
	}
}

func closeClient(client *wire.Client) {
	if client != nil {
		_ = client.Close()
	}
}

// beatOnce sends a heartbeat and takes note of the answer, or that there was none.
func (s *Server) beatOnce(ctx context.Context, client *wire.Client, m replset.Member) bool {
	s.mu.Lock()
	command, patience := s.call(), s.topology.Config.ElectionTimeout()
	s.mu.Unlock()
	var answer pulse
	asked, answered := time.Now(), false
	if client != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		answered = client.Run(ctx, "admin", command, &answer) == nil
	}
	s.locked(func() {
		p := s.topology.Peers[m.ID]
		switch {
		case p == nil:
		case answered:
			s.hear(m.ID, p, answer, asked)
		default:
			s.miss(m.ID, p)
		}
	})
	return answered
}

// hear takes note of an answer. The caller holds the lock.
func (s *Server) hear(id int32, p *replset.Peer, answer pulse, asked time.Time) {
	t, now := s.topology, time.Now()
	t.AdoptTerm(answer.Term)
	p.Healthy, p.State, p.LastSeen, p.LastHeartbeat = true, answer.State, now, now
	p.Position = replset.Position{Applied: answer.Applied, AppliedWall: answer.AppliedWall, Durable: answer.Durable,
		DurableWall: answer.DurableWall}
	p.PingMillis, p.Message, p.SyncingTo = now.Sub(asked).Milliseconds(), "", answer.SyncingTo
	p.ElectionTime, p.ConfigVersion, p.ConfigTerm = answer.Election, answer.ConfigVersion, answer.ConfigTerm
	if answer.State == replset.Primary && answer.Term == t.Term {
		t.HearPrimary(id, answer.Term)
		t.Postpone(now, offset())
	} else if t.PrimaryID == id {
		t.PrimaryID = replset.NoMember
	}
	// Another member's commit point is of use only where this member's log is certainly the same up to it.
	if t.Role != replset.Leader && answer.Committed.Term == t.Applied.Term {
		s.learnCommitted(answer.Committed, answer.CommittedWall)
	}
	if answer.Config != nil {
		s.adoptLater(answer.Config)
	}
	t.Commit()
}

// learnCommitted goes no further than the own log. The caller holds the lock.
func (s *Server) learnCommitted(at oplog.OpTime, wall time.Time) {
	t := s.topology
	if t.Applied.Before(at) {
		at, wall = t.Applied, t.AppliedWall
	}
	t.Learn(at, wall)
}

// miss takes note that a member did not answer.
func (s *Server) miss(id int32, p *replset.Peer) {
	p.Healthy, p.State, p.Message = false, replset.Down, "no answer to the last heartbeat"
	if s.topology.PrimaryID == id {
		s.topology.PrimaryID = replset.NoMember
	}
}

// beatNow has all heartbeats sent at once: what just changed here matters to everybody. The caller holds the lock.
func (s *Server) beatNow() {
	close(s.kick)
	s.kick = make(chan struct{})
}
