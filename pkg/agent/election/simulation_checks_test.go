// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// judge knows everything at once, as no member does, and checks what the protocol promises.
type judge struct {
	w       *world
	records int64 // that were ever written
	acks    []ack
	// promotions says who was promoted in an epoch; newest is the last epoch, history the log at that moment.
	promotions map[int64]string
	newest     int64
	history    []int64
}

// ack is a write of which a client knows that it is safe.
type ack struct {
	record   int64
	position int
	by       *life
	at       time.Duration
}

// founded notes that data was born, which happens once.
func (j *judge) founded(l *life, epoch int64) {
	if len(j.promotions) > 0 {
		j.w.violated("%s made data a second time, after %v", l.incarnation, j.promotions)
	}
	j.promotions[epoch], j.newest = l.incarnation, epoch
}

// promoted checks a promotion: epochs grow, and no two members are promoted in one.
func (j *judge) promoted(p *process, epoch int64) {
	name := p.l.incarnation
	if other, ok := j.promotions[epoch]; ok {
		j.w.violated("%s and %s were promoted in epoch %d", other, name, epoch)
	}
	if epoch < j.newest && !j.w.hard {
		j.w.violated("%s was promoted in epoch %d, after epoch %d", name, epoch, j.newest)
	}
	j.promotions[epoch] = name
	if epoch > j.newest {
		j.newest, j.history = epoch, slices.Clone(p.v.wal)
	}
}

// started checks that no other engine runs on the volume (PROTOCOL I11).
func (j *judge) started(p *process) {
	for _, l := range j.w.lives {
		if q := l.process; q != nil && q != p && q.v == p.v {
			j.w.violated("%s and %s run on one volume", l.incarnation, p.l.incarnation)
		}
	}
}

// leads checks a member that begins to accept writes: it is the only one, and it has all that was acknowledged.
func (j *judge) leads(p *process) {
	for _, l := range j.w.lives {
		if q := l.process; q != nil && q != p && q.primary && q.running() && !j.w.hard {
			j.w.violated("%s and %s both accept writes", l.incarnation, p.l.incarnation)
		}
	}
	if p.v.lineage.Epoch() == j.newest {
		j.has(p.v, p.l.incarnation)
	} else if !j.w.hard {
		j.w.violated("%s leads with data of epoch %d, the last promotion was in %d",
			p.l.incarnation, p.v.lineage.Epoch(), j.newest)
	}
}

// has checks that no acknowledged write is missing.
func (j *judge) has(v *volume, whose string) {
	if j.w.durability == v1alpha1.DurabilityMajority {
		j.all(v, whose)
	}
}

// all checks it under any durability: some ways to change the primary lose nothing.
func (j *judge) all(v *volume, whose string) {
	for _, a := range j.acks {
		if len(v.wal) < a.position || v.wal[a.position-1] != a.record {
			j.w.violated("%s has lost the acknowledged write %d at %d", whose, a.record, a.position)
			return
		}
	}
}

// acknowledged checks a write of which a client is told that it is safe.
func (j *judge) acknowledged(p *process, position int) {
	w, name := j.w, p.l.incarnation
	record := p.v.wal[position-1]
	j.acks = append(j.acks, ack{record, position, p.l, j.w.now})
	behind := p.v.lineage.Epoch() < j.newest
	switch {
	case w.durability != v1alpha1.DurabilityMajority:
		if behind && !w.hard {
			w.violated("%s acknowledged a write after another was promoted", name)
		}
	case behind && (len(j.history) < position || j.history[position-1] != record):
		w.violated("%s acknowledged write %d, which the primary of epoch %d does not have", name, record, j.newest)
	case w.api.lease.Holder == name:
		j.recorded(p, position)
	}
}

// recorded checks that the Lease does not claim more than is so (PROTOCOL I6a).
func (j *judge) recorded(p *process, position int) {
	q, has := j.w.api.lease.Quorum, 0
	for _, m := range j.w.members {
		if slices.Contains(q.Members, m.name) && m.volume.data && len(m.volume.wal) >= position &&
			m.volume.wal[position-1] == p.v.wal[position-1] {
			has++
		}
	}
	if has < q.Count && !j.w.lost {
		j.w.violated("%s acknowledged a write that %d members have, and the Lease claims %s", p.l.incarnation, has, q)
	}
}

// turned counts the turns of an Elector, which must wait for something now and then.
func (j *judge) turned(l *life) {
	if l.turns++; j.w.now-l.since > time.Second {
		l.turns, l.since = 0, j.w.now
	} else if l.turns > 1000 {
		j.w.violated("the Elector of %s makes %d turns a second", l.incarnation, l.turns)
	}
}

// healthy says whether there is one primary, the Lease names it, and all others receive from it.
func (w *world) healthy() bool {
	var primary *process
	for _, m := range w.members {
		if m.life == nil || m.life.process == nil || !m.life.process.running() {
			return false
		}
		if p := m.life.process; p.primary {
			if primary != nil {
				return false
			}
			primary = p
		}
	}
	if primary == nil || w.api.lease.Holder != primary.l.incarnation {
		return false
	}
	full := engine.MajorityOf(len(w.plan.Members), w.plan.Members)
	if w.durability == v1alpha1.DurabilityMajority && !w.api.lease.Quorum.Equal(full) {
		return false
	}
	return len(primary.attached()) == len(w.plan.Members)-1 && slices.Equal(w.api.lease.Electorate, w.plan.Members)
}
