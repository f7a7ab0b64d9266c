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

// progress is how far one member is, as a member reports it.
type progress struct {
	ID          int32        `bson:"memberId"`
	Applied     oplog.OpTime `bson:"appliedOpTime"`
	AppliedWall time.Time    `bson:"appliedWallTime"`
	Durable     oplog.OpTime `bson:"durableOpTime"`
	DurableWall time.Time    `bson:"durableWallTime"`
}

// reportPosition tells the primary of every step forward: its commit point, and so every acknowledged write, waits for
// it.
func (s *Server) reportPosition(ctx context.Context) {
	const pauseAfterError = 200 * time.Millisecond
	var client *wire.Client
	defer func() { closeClient(client) }()
	var sent, now replset.Position
	var to, host string
	for {
		if s.await(ctx, func() bool {
			host = s.primaryHost()
			now = s.topology.Position
			return host != "" && (now != sent || host != to)
		}) != nil {
			return
		}
		if host != to {
			closeClient(client)
			client, to, sent = nil, host, replset.Position{}
		}
		if err := s.report(ctx, &client, host, now); err != nil {
			closeClient(client)
			client, to = nil, ""
			if !pause(ctx, pauseAfterError) {
				return
			}
			continue
		}
		sent = now
	}
}

// primaryHost is where to report to; nowhere while this member has nothing to say.
func (s *Server) primaryHost() string {
	t := s.topology
	if t.Own() == nil || t.PrimaryID == t.Self {
		return ""
	}
	if m := t.Config.Member(t.PrimaryID); m != nil {
		return m.Host
	}
	return ""
}

func (s *Server) report(ctx context.Context, client **wire.Client, host string, now replset.Position) (err error) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if *client == nil {
		if *client, err = s.dial(ctx, host); err != nil {
			return err
		}
	}
	s.mu.Lock()
	self := s.topology.Self
	s.mu.Unlock()
	return (*client).Run(ctx, "admin", bson.D{{Key: "replSetUpdatePosition", Value: int32(1)},
		{Key: "optimes", Value: []progress{{ID: self, Applied: now.Applied, AppliedWall: now.AppliedWall,
			Durable: now.Durable, DurableWall: now.DurableWall}}}}, nil)
}

// updatePosition takes the report of another member.
func (s *Server) updatePosition(_ context.Context, r *request) (bson.D, error) {
	var report struct {
		Members []progress `bson:"optimes"`
	}
	if err := bson.Unmarshal(r.body, &report); err != nil {
		return nil, fail(failedToParse, "%v", err)
	}
	s.locked(func() {
		for _, m := range report.Members {
			p := s.topology.Peers[m.ID]
			if p == nil {
				continue
			}
			p.LastSeen = time.Now()
			p.Position = replset.Position{Applied: m.Applied, AppliedWall: m.AppliedWall, Durable: m.Durable,
				DurableWall: m.DurableWall}
		}
		s.topology.Commit()
	})
	return bson.D{}, nil
}
