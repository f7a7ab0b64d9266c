// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// history is what a server calls its replication ID: a stream of changes, in which it counts bytes. Data at an offset of
// it is at that position beyond its base.
type history struct {
	id      string
	base    int64
	lineage engine.Lineage
}

// toldBy is the history of a primary, as its agent told.
func toldBy(engineState []byte, lineage engine.Lineage) history {
	p := redis.DecodePeerState(engineState)
	return history{id: p.History, base: p.Base, lineage: lineage}
}

// is says whether the server's data is of this history.
func (h history) is(i Info) bool { return h.id != "" && h.id == i.ReplicationID }

// goesOnIn says whether the server's history is this one under another name: the server, or the primary that it follows,
// was promoted, and went on to count where it was.
func (h history) goesOnIn(i Info) bool {
	return h.id != "" && (!i.isReplica() || h.id == i.FormerID)
}

// at is how far the server's data goes.
func (h history) at(i Info) *engine.Point {
	return &engine.Point{Lineage: h.lineage, Position: uint64(max(0, h.base+i.Offset))}
}

// recognise finds out what history a server's data is of, and says whether it knows. A history that a primary's agent
// has told is taken over as soon as the data is of it: before that, the server still has its old data, or none that is
// whole. claim is what the disk has.
func (r *run) recognise(i Info, claim engine.Point) bool {
	switch {
	case r.told.is(i):
		r.history = r.told
	case r.history.is(i):
	case r.history.goesOnIn(i):
		r.history.id = i.ReplicationID
	case r.told.goesOnIn(i) && r.following != "":
		r.history = history{id: i.ReplicationID, base: r.told.base, lineage: r.told.lineage}
	case r.following == "":
		// It was read from the disk, and goes as far as the disk did at least. Or it was copied from a primary that was
		// gone before it could tell: that one had been a continuation of what this member had.
		r.history = history{id: i.ReplicationID, base: int64(claim.Position) - i.Offset, lineage: claim.Lineage}
	default:
		return false
	}
	return true
}

// hear takes over what the primary that is followed tells of its history now: a restart gives it another name. What is
// told of a later promotion is not heard here; the rules have to settle that first.
func (r *run) hear(primary runbook.PrimaryState) {
	told := toldBy(primary.Engine, primary.Lineage)
	if primary.Leading > 0 && told.id != "" && told.lineage.Epoch() == r.told.lineage.Epoch() {
		r.told = told
	}
}
