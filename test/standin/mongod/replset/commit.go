// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"cmp"
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// Report is how far one member is.
type Report struct {
	ID int32
	Position
}

// Reports are the positions of this member and of all others, by what is known here.
func (t *Topology) Reports() []Report {
	reports := []Report{{ID: t.Self, Position: t.Position}}
	for id, p := range t.Peers {
		reports = append(reports, Report{ID: id, Position: p.Position})
	}
	return reports
}

// Commit moves the commit point of a primary to the newest entry that a majority of the voters has in its journal. An
// entry of an older term counts only once one of the present term does: before, a member without it could still win.
func (t *Topology) Commit() (moved bool) {
	if t.Role != Leader {
		return false
	}
	var positions []Position
	for _, r := range t.Reports() {
		if m := t.Config.Member(r.ID); m != nil && m.Votes > 0 {
			positions = append(positions, r.Position)
		}
	}
	slices.SortFunc(positions, func(a, b Position) int { return -a.Durable.Compare(b.Durable) })
	if len(positions) < t.Config.Majority() {
		return false
	}
	level := positions[t.Config.Majority()-1]
	return level.Durable.Term == t.Term && t.Learn(level.Durable, level.DurableWall)
}

// Learn moves the commit point forward, never back.
func (t *Topology) Learn(committed oplog.OpTime, wall time.Time) (moved bool) {
	if !t.Committed.Before(committed) {
		return false
	}
	t.Committed, t.CommittedWall = committed, wall
	return true
}

// Acknowledged is how many members with data have an entry, in their journals if journaled.
func (t *Topology) Acknowledged(at oplog.OpTime, journaled bool) (n int) {
	for _, r := range t.Reports() {
		has := r.Applied
		if journaled {
			has = r.Durable
		}
		if !has.Before(at) {
			n++
		}
	}
	return n
}

// Heir is the electable member to which a primary may hand over: a majority of the voters and the heir have all that
// the primary has. A false ok says that there is none yet.
func (t *Topology) Heir() (id int32, ok bool) {
	level := func(p *Peer) bool { return p.Healthy && !p.Applied.Before(t.Applied) }
	if t.count(level) < t.Config.Majority() {
		return NoMember, false
	}
	var heirs []Member
	for _, m := range t.Config.Members {
		p := t.Peers[m.ID]
		if p != nil && m.Priority > 0 && p.State == Secondary && level(p) {
			heirs = append(heirs, m)
		}
	}
	if len(heirs) == 0 {
		return NoMember, false
	}
	return slices.MaxFunc(heirs, func(a, b Member) int { return cmp.Compare(a.Priority, b.Priority) }).ID, true
}

// Source is whom to copy the log from: the primary, or while none is known the member that is furthest ahead.
func (t *Topology) Source() (id int32, ok bool) {
	if p := t.Peers[t.PrimaryID]; p != nil {
		return t.PrimaryID, true
	}
	id, best := NoMember, t.Applied
	for peer, p := range t.Peers {
		if p.Healthy && p.State.Readable() && best.Before(p.Applied) {
			id, best = peer, p.Applied
		}
	}
	return id, id != NoMember
}
