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
	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// Why copying ends.
var (
	errNoLongerSource = errors.New("no longer the member to copy from")
	errBehind         = errors.New("the source has less than this member")
)

// standing is what a source says of itself beside the entries.
type standing struct {
	Term          int64        `bson:"term"`
	Committed     oplog.OpTime `bson:"lastOpCommitted"`
	CommittedWall time.Time    `bson:"lastCommittedWall"`
	Applied       oplog.OpTime `bson:"lastOpApplied"`
	Writable      bool         `bson:"isWritablePrimary"`
}

// batch is entries of another member's log.
type batch struct {
	Cursor struct {
		ID    int64      `bson:"id"`
		First []bson.Raw `bson:"firstBatch"`
		Next  []bson.Raw `bson:"nextBatch"`
	} `bson:"cursor"`
	Standing standing `bson:"$replData"`
}

// copying is one connection to another member, over which its log comes.
type copying struct {
	*Server
	source int32
	// role is this member's own: a follower copies from the primary, a new primary from who has more.
	role   replset.Role
	client *wire.Client
	// last is the end of the own log, if only this copying writes to it.
	last oplog.OpTime
}

// pull copies the log of the member to copy from, whoever that is, for as long as this member is no primary.
func (s *Server) pull(ctx context.Context) {
	const pauseAfterError = 200 * time.Millisecond
	for {
		c := &copying{Server: s, role: replset.Follower}
		if s.await(ctx, func() bool {
			c.source, _ = s.topology.Source()
			return c.goesOn()
		}) != nil {
			return
		}
		if err := c.run(ctx); err != nil && !errors.Is(err, errNoLongerSource) {
			s.log.Info("Copying ended", "source", c.source, "error", err.Error())
			if !pause(ctx, pauseAfterError) {
				return
			}
		}
	}
}

// goesOn says whether there is still the same member to copy from. The caller holds the lock.
func (c *copying) goesOn() bool {
	t := c.topology
	source, known := t.Source()
	return t.Own() != nil && t.Role == c.role && known && source == c.source
}

// run copies until that member is no longer the one to copy from.
func (c *copying) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if c.await(ctx, func() bool { return !c.goesOn() }) == nil {
			cancel(errNoLongerSource)
		}
	}()
	host := ""
	c.locked(func() {
		if m := c.topology.Config.Member(c.source); m != nil {
			host = m.Host
		}
	})
	if host == "" {
		return errNoLongerSource
	}
	client, err := c.dial(ctx, host)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // only read
	c.client = client
	c.locked(func() { c.Server.source, c.last = host, c.oplog.Last() })
	defer c.locked(func() { c.Server.source = "" })
	return c.copyLog(ctx)
}

func (c *copying) copyLog(ctx context.Context) error {
	const patience = int64(2500)
	var b batch
	command := bson.D{{Key: "find", Value: "oplog.rs"}, {Key: "tailable", Value: true}, {Key: "awaitData", Value: true},
		{Key: "filter", Value: bson.D{{Key: "ts", Value: bson.D{{Key: "$gte", Value: c.last.TS}}}}}}
	if err := c.client.Run(ctx, "local", command, &b); err != nil {
		return err
	}
	entries, err := c.continues(ctx, b)
	if err != nil {
		return err
	}
	for until := b.Standing.Applied; ; entries = b.Cursor.Next {
		if err := c.take(ctx, entries, b.Standing); err != nil {
			return err
		}
		if err := c.endFirstCopy(until); err != nil {
			return err
		}
		more := bson.D{{Key: "getMore", Value: b.Cursor.ID}, {Key: "collection", Value: "oplog.rs"},
			{Key: "maxTimeMS", Value: patience}, {Key: "lastKnownCommittedOpTime", Value: b.Standing.Committed}}
		b = batch{}
		if err := c.client.Run(ctx, "local", more, &b); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// continues checks that the source's log goes on where the own one ends: its first entry is the own last one. If not,
// the own log has entries that the set has decided against, and they are rolled back.
func (c *copying) continues(ctx context.Context, b batch) ([]bson.Raw, error) {
	if c.last.IsZero() {
		return b.Cursor.First, nil
	}
	if len(b.Cursor.First) > 0 {
		var first oplog.OpTime
		if err := bson.Unmarshal(b.Cursor.First[0], &first); err != nil {
			return nil, err
		}
		if first == c.last {
			return b.Cursor.First[1:], nil
		}
	}
	if !b.Standing.Writable {
		return nil, errBehind
	}
	return nil, c.rollBack(ctx, c.client)
}

// take appends entries, unless things have changed since they were asked for.
func (c *copying) take(ctx context.Context, entries []bson.Raw, from standing) (err error) {
	c.locked(func() {
		if ctx.Err() != nil || !c.goesOn() || c.oplog.Last() != c.last {
			err = errNoLongerSource
			return
		}
		if err = c.oplog.Append(entries...); err != nil {
			c.end(err)
			return
		}
		c.refreshPosition()
		c.last = c.oplog.Last()
		c.counters.replicated.Add(int64(len(entries)))
		c.learn(from)
	})
	return err
}

// learn takes over what the source says of the set. The caller holds the lock.
func (c *copying) learn(from standing) {
	t := c.topology
	t.AdoptTerm(from.Term)
	if t.Role == replset.Leader {
		return
	}
	c.learnCommitted(from.Committed, from.CommittedWall)
	if c.source == t.PrimaryID && from.Term == t.Term {
		t.Postpone(time.Now(), offset())
	}
}

// endFirstCopy makes the member a secondary when it has all that the source had when it began.
func (c *copying) endFirstCopy(until oplog.OpTime) (err error) {
	c.mu.Lock()
	complete := c.topology.Following == replset.Startup2 && !c.topology.Applied.Before(until)
	c.mu.Unlock()
	if !complete {
		return nil
	}
	if err := c.oplog.Sync(); err != nil {
		return err
	}
	c.locked(func() {
		c.local.Syncing = false
		if err = c.local.save(); err == nil {
			c.topology.Following = replset.Secondary
			c.log.Info("Initial sync done", "documents of", len(c.oplog.Documents))
		}
	})
	return err
}
