// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// act does one thing towards a standing.
func (l *life) act(s engine.Standing) {
	switch s.Part {
	case engine.PartNobody, engine.PartYield:
		l.standStill()
	case engine.PartFollow:
		l.follow(s)
	case engine.PartLead:
		l.lead(s)
	case engine.PartResign:
		l.resign()
	}
}

// standStill makes the engine a replica of nobody.
func (l *life) standStill() {
	v, p := &l.m.volume, l.process
	switch {
	case !v.data:
	case p == nil:
		l.startReplica()
	case p.primary:
		l.killEngine("it must not be primary")
	case p.follows != "" && l.w.broken != brokenPromise:
		l.letGo(p)
	}
}

// letGo makes a replica stop receiving. Until it has, it goes on.
func (l *life) letGo(p *process) {
	l.begin(5*time.Millisecond, 300*time.Millisecond, func() {
		p.follows = ""
		p.detach()
		p.settle()
	})
}

func (l *life) resign() {
	if p := l.process; p != nil && p.primary {
		p.shutDown()
	} else {
		l.killEngine("it is not needed")
	}
}

// follow makes the engine a replica of the primary, whatever that takes (PROTOCOL I6b).
func (l *life) follow(s engine.Standing) {
	v, p := &l.m.volume, l.process
	switch {
	case p != nil && p.primary:
		l.killEngine("another is primary")
		return
	case p != nil && p.follows == s.Primary && p.since == s.Epoch:
		return
	case p != nil && p.follows != "":
		if l.w.broken != brokenPromise || l.w.leader(l.m, s) != nil {
			l.letGo(p)
		}
		return
	case p == nil && v.data:
		l.startReplica()
		return
	case p != nil && !p.exact:
		return
	}
	primary := l.w.leader(l.m, s)
	if primary == nil || (!v.data && l.w.plan.SystemID != primary.v.system) {
		return // nobody could tell yet whether the copy is of this cluster's data (PROTOCOL I10)
	}
	relation := engine.RelationClone
	if v.data {
		relation = l.w.relate(v.point(), primary.v.lineage)
	}
	lineage := primary.v.lineage
	switch relation {
	case engine.RelationFollow:
		l.loop.receiving = true
		l.begin(time.Millisecond, 50*time.Millisecond, func() {
			if !p.dead {
				v.lineage = lineage // noted before anything is received
				p.follow(s.Primary, s.Epoch)
			}
		})
	case engine.RelationRewind:
		l.killEngine("to be rewound")
		l.copyFrom(s, func(from *volume) { v.wal = v.wal[:fork(v, from)] })
	case engine.RelationClone:
		l.killEngine("to be copied anew")
		l.copyFrom(s, func(from *volume) { v.wal = slices.Clone(from.wal) })
	}
}

// leader is the engine of a primary that can be reached and says that it leads in this tenure.
func (w *world) leader(from *member, s engine.Standing) *process {
	to := w.member(s.Primary)
	if to == nil || to.life == nil || !w.connected(from, to) || to.life.stopped {
		return nil
	}
	if p := to.life.process; p != nil && p.running() && p.primary && p.epoch == s.Epoch {
		return p
	}
	return nil
}

// copyFrom changes the data into a beginning of the primary's. While that lasts there is nothing to start on.
func (l *life) copyFrom(s engine.Standing, change func(from *volume)) {
	v := &l.m.volume
	v.data = false
	l.loop.receiving = true
	l.begin(50*time.Millisecond, 1500*time.Millisecond, func() {
		p := l.w.leader(l.m, s)
		if p == nil {
			return
		}
		change(p.v)
		v.data, v.standby, v.clean, v.system = true, true, false, p.v.system
		v.lineage, v.history = p.v.lineage, p.v.history
		l.w.log("%s has a copy of %s up to %d", l.incarnation, s.Primary, len(v.wal))
	})
}

// fork is where pg_rewind finds that two histories part: it compares numbers of timelines and where they begin.
func fork(mine, theirs *volume) int {
	a, b := mine.history, theirs.history
	shared := 0
	for shared < min(len(a), len(b)) && a[shared].Timeline == b[shared].Timeline &&
		a[shared].Position == b[shared].Position {
		shared++
	}
	end := min(len(mine.wal), len(theirs.wal))
	if shared < len(a) {
		end = min(end, int(a[shared].Position))
	}
	if shared < len(b) {
		end = min(end, int(b[shared].Position))
	}
	return end
}

// lead makes the engine primary.
func (l *life) lead(s engine.Standing) {
	v, p := &l.m.volume, l.process
	switch {
	case !l.armed() && l.w.broken != brokenGuard: // nothing would end it in time
	case !v.data && s.Found:
		l.begin(50*time.Millisecond, 500*time.Millisecond, func() {
			v.data, v.system, v.standby = true, systemID, false
			v.wal, v.lineage = []int64{0}, engine.Lineage{{Epoch: s.Epoch, Timeline: 1}}
			v.history = v.lineage
			l.w.judge.founded(l, s.Epoch)
		})
	case !v.data:
	case p == nil && v.standby:
		l.startReplica()
	case p == nil:
		l.startPrimary(s)
	case !p.up || p.ending:
	case p.primary && p.epoch != s.Epoch:
		l.killEngine("it leads in another epoch")
	case p.primary && !p.enforced.Equal(s.Quorum):
		p.enforce(s.Quorum)
	case p.primary:
	case p.follows != "":
		l.letGo(p)
	default:
		l.begin(10*time.Millisecond, 300*time.Millisecond, func() { p.promote(s) })
	}
}
