// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// tail answers the find by which another member begins to follow the log.
func (s *Server) tail(_ context.Context, r *request) (bson.D, error) {
	var filter struct {
		TS struct {
			From bson.Timestamp `bson:"$gte"`
		} `bson:"ts"`
	}
	if err := bson.Unmarshal(r.document("filter"), &filter); err != nil {
		return nil, fail(failedToParse, "simulated: the log is followed from {ts: {$gte: …}}: %v", err)
	}
	s.mu.Lock()
	entries, at := s.oplog.Since(filter.TS.From)
	c := &cursor{namespace: oplog.Namespace, tailing: true, rest: entries, next: at, rollback: s.local.RollbackID}
	about := s.standing()
	s.mu.Unlock()
	c.advance()
	taken := c.rest
	c.rest = nil
	reply := s.openCursor(c, 0)
	return append(cursorReply(cursorID(reply), oplog.Namespace, "firstBatch", taken),
		bson.E{Key: "$replData", Value: about}), nil
}

// advance cuts the batch to what one reply may hold, and moves the cursor behind it.
func (c *cursor) advance() {
	c.rest = c.take(len(c.rest))
	c.next += len(c.rest)
}

func cursorID(reply bson.D) int64 {
	c, _ := find(reply, "cursor").(bson.D)
	id, _ := find(c, "id").(int64)
	return id
}

// follow answers a getMore on the log: when there are entries, when the commit point has moved, or when time is up.
func (s *Server) follow(ctx context.Context, r *request, id int64, c *cursor) (bson.D, error) {
	var known oplog.OpTime
	if err := bson.Unmarshal(r.document("lastKnownCommittedOpTime"), &known); err != nil {
		return nil, fail(failedToParse, "lastKnownCommittedOpTime: %v", err)
	}
	millis, _ := r.number("maxTimeMS")
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(millis, 1))*time.Millisecond)
	defer cancel()
	var about standing
	var lost bool
	err := s.await(ctx, func() bool {
		lost = s.local.RollbackID != c.rollback
		about = s.standing()
		if lost {
			return true
		}
		c.rest = s.oplog.Entries()[c.next:]
		return len(c.rest) > 0 || known != s.topology.Committed
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if lost {
		return nil, fail(cappedPositionLost, "entries that the cursor has passed were rolled back")
	}
	c.advance()
	taken := c.rest
	c.rest = nil
	return append(cursorReply(id, oplog.Namespace, "nextBatch", taken), bson.E{Key: "$replData", Value: about}), nil
}

// standing is what this member says of itself to one that copies from it. The caller holds the lock.
func (s *Server) standing() standing {
	t := s.topology
	return standing{Term: t.Term, Committed: t.Committed, CommittedWall: t.CommittedWall, Applied: t.Applied,
		Writable: t.Writable}
}
