// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// errRolledBack is not an error: copying begins again from the common point.
var errRolledBack = errors.New("rolled back to what the source has too")

// ErrCommittedLost ends a server that was to roll back what a majority has: something is wrong that must not go on.
var ErrCommittedLost = errors.New("would have to roll back committed entries")

// rollBack takes the entries off the log that the source does not have: a majority has never had them, or else their
// primary's successor would ("Rollbacks During Replica Set Failover",
// mongodb.com/docs/manual/core/replica-set-rollbacks/).
func (s *Server) rollBack(ctx context.Context, client *wire.Client) error {
	keep, err := s.commonPoint(ctx, client)
	if err != nil {
		return fmt.Errorf("common point: %w", err)
	}
	s.locked(func() {
		if s.oplog.At(keep - 1).Before(s.topology.Committed) {
			err = ErrCommittedLost
			s.end(err)
			return
		}
		s.topology.Following = replset.Rollback
	})
	if err == nil {
		s.locked(func() { err = s.cut(keep) })
	}
	return errors.Join(err, errRolledBack)
}

// commonPoint goes back through both logs to the newest entry that is in both, and says how many it leaves.
func (s *Server) commonPoint(ctx context.Context, client *wire.Client) (keep int, err error) {
	s.mu.Lock()
	keep = s.oplog.Len()
	s.mu.Unlock()
	command := bson.D{{Key: "find", Value: "oplog.rs"}, {Key: "batchSize", Value: int32(1000)},
		{Key: "sort", Value: bson.D{{Key: "$natural", Value: int32(-1)}}},
		{Key: "projection", Value: bson.D{{Key: "ts", Value: int32(1)}, {Key: "t", Value: int32(1)}}}}
	for {
		var b batch
		if err := client.Run(ctx, "local", command, &b); err != nil {
			return 0, err
		}
		for _, raw := range append(b.Cursor.First, b.Cursor.Next...) {
			var theirs oplog.OpTime
			if err := bson.Unmarshal(raw, &theirs); err != nil {
				return 0, err
			}
			if keep = s.backTo(keep, theirs); s.at(keep-1) == theirs {
				return keep, nil
			}
		}
		if b.Cursor.ID == 0 {
			return 0, nil
		}
		command = bson.D{{Key: "getMore", Value: b.Cursor.ID}, {Key: "collection", Value: "oplog.rs"},
			{Key: "batchSize", Value: int32(1000)}}
	}
}

// backTo leaves out the entries that are newer than a place.
func (s *Server) backTo(keep int, place oplog.OpTime) int {
	for keep > 0 && place.Before(s.at(keep-1)) {
		keep--
	}
	return keep
}

func (s *Server) at(i int) oplog.OpTime {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.oplog.At(i)
}

// cut keeps the first entries, and the others in a file of their own. The caller holds the lock.
func (s *Server) cut(keep int) error {
	lost := s.oplog.Entries()[keep:]
	s.log.Warn("Rolling back", "entries", len(lost), "to", s.oplog.At(keep-1).String())
	if err := s.saveRolledBack(lost); err != nil {
		return err
	}
	s.local.RollbackID++
	s.local.Syncing = keep == 0
	if err := s.local.save(); err != nil {
		return err
	}
	if err := s.oplog.Truncate(keep); err != nil {
		s.end(err)
		return err
	}
	s.refreshPosition()
	t := s.topology
	t.Durable, t.DurableWall = t.Applied, t.AppliedWall
	t.Following = replset.Secondary
	if s.local.Syncing {
		t.Following = replset.Startup2
	}
	return nil
}

// saveRolledBack writes what is taken back where a person can look at it.
func (s *Server) saveRolledBack(entries []bson.Raw) error {
	directory := filepath.Join(s.options.Path, "rollback")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	var content []byte
	for _, e := range entries {
		content = append(content, e...)
	}
	name := fmt.Sprintf("removed.%s.%d.bson", time.Now().UTC().Format("2006-01-02T15-04-05"), s.local.RollbackID)
	return os.WriteFile(filepath.Join(directory, name), content, 0o600)
}
