// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// The engine is a small model of PostgreSQL: a log of records, of which everybody knows the end only when nobody
// writes; timelines with numbers that two promotions can share; replicas that connect to whom they were told, again
// and again, and check nothing but timeline numbers; commits that wait for the flush of others.

// volume is what survives the end of a container.
type volume struct {
	// data says that an engine can start on it; system is its identity.
	data   bool
	system string
	// wal is what is flushed, each record by its identity.
	wal []int64
	// lineage is what the agents wrote down, history what the engine itself knows of its timelines: their numbers and
	// where they begin. A replica's engine follows its primary from one to the next without asking its agent.
	lineage engine.Lineage
	history engine.Lineage
	standby bool
	// clean says that the engine was stopped, not killed, so that the end of the log is known.
	clean bool
	lock  *life
}

func (v *volume) point() engine.Point {
	return engine.Point{Lineage: v.lineage, Position: uint64(len(v.wal))}
}

// process is a running engine.
type process struct {
	l *life
	v *volume
	// up: it answers. exact: it has replayed all that there is. primary: it accepts writes. ending: it is being stopped.
	dead, up, exact, primary, ending bool
	epoch                            int64

	// follows is the member that it connects to, again and again; since the epoch in which its agent checked that.
	follows string
	since   int64
	// noted is the last promotion that its agent wrote down before it connected: it is part of the name under which the
	// replica confirms what it has flushed.
	noted     int64
	upstream  *stream
	streams   []*stream
	confirmed map[string]int
	enforced  engine.Quorum // as the agent sees it; really is what commits wait for
	really    engine.Quorum
	flushed   engine.Quorum
	barrier   int // position that the enforced quorum must flush to be the flushed one
	pending   []int
}

// spawn starts an engine on the volume. It answers a little later.
func (l *life) spawn(ready func(p *process)) {
	p := &process{l: l, v: &l.m.volume, confirmed: map[string]int{}}
	l.process = p
	p.v.clean = false
	l.w.judge.started(p)
	p.after(l.w.between(50*time.Millisecond, 400*time.Millisecond), func() {
		p.up = true
		ready(p)
	})
}

// startReplica starts the engine as a replica of nobody.
func (l *life) startReplica() {
	l.m.volume.standby = true
	l.spawn(func(p *process) { p.settle() })
}

// settle is the replay of what was received.
func (p *process) settle() {
	p.after(p.l.w.between(0, 200*time.Millisecond), func() { p.exact = p.follows == "" })
}

// startPrimary starts the engine as the primary that it was.
func (l *life) startPrimary(s engine.Standing) {
	l.spawn(func(p *process) { p.lead(s) })
}

// promote makes a replica the primary. What it was is noted before anything is written.
func (p *process) promote(s engine.Standing) {
	if p.dead || p.primary || p.follows != "" {
		return
	}
	v := p.v
	end := uint64(len(v.wal))
	begun := engine.Promotion{Epoch: s.Epoch, Timeline: 1, Position: end}
	if n := len(v.history); n > 0 {
		begun.Timeline += v.history[n-1].Timeline
	}
	v.lineage, v.history = v.lineage.At(end).With(begun), v.history.At(end).With(begun)
	p.l.w.judge.promoted(p, s.Epoch)
	v.standby = false
	p.lead(s)
}

// lead begins to accept writes.
func (p *process) lead(s engine.Standing) {
	p.primary, p.exact, p.epoch = true, false, s.Epoch
	p.l.w.log("%s leads in epoch %d at %v, %s", p.l.incarnation, s.Epoch, p.v.point(), s.Quorum)
	p.l.w.judge.leads(p)
	p.enforce(s.Quorum)
	p.serve()
}

// enforce makes every write wait for a quorum, and writes a barrier.
func (p *process) enforce(q engine.Quorum) {
	p.enforced = q
	if p.l.w.broken == brokenRecord {
		q.Count-- // and the agent believes that it is enforced
	}
	p.really = q
	p.write(func(position int) { p.barrier = position })
	p.commit()
}

// serve is a client with an open session that writes, without waiting for the answer.
func (p *process) serve() {
	p.after(p.l.w.between(30*time.Millisecond, 500*time.Millisecond), func() {
		if p.ending {
			return
		}
		p.write(func(position int) { p.pending = append(p.pending, position) })
		p.serve()
	})
}

// write appends a record, which is flushed a little later.
func (p *process) write(flushed func(position int)) {
	w := p.l.w
	w.judge.records++
	record := w.judge.records
	p.after(w.between(100*time.Microsecond, 8*time.Millisecond), func() {
		p.v.wal = append(p.v.wal, record)
		flushed(len(p.v.wal))
		p.pump()
		p.commit()
	})
}

// commit acknowledges what enough members have flushed.
func (p *process) commit() {
	reached := len(p.v.wal)
	if count, others := p.really.Others(p.l.m.name); count > 0 {
		var positions []int
		for _, m := range others {
			positions = append(positions, p.confirmed[m])
		}
		slices.Sort(positions)
		reached = 0
		if len(positions) >= count {
			reached = positions[len(positions)-count]
		}
	}
	for len(p.pending) > 0 && p.pending[0] <= reached {
		p.l.w.judge.acknowledged(p, p.pending[0])
		p.pending = p.pending[1:]
	}
	if p.barrier > 0 && p.barrier <= reached {
		p.flushed, p.barrier = p.enforced, 0
	}
}

// shutDown stops the engine cleanly: no more writes, and the replicas that are there get everything.
func (p *process) shutDown() {
	if p.ending {
		return
	}
	p.ending = true
	patience := 0
	var look func()
	look = func() {
		waiting := slices.ContainsFunc(p.streams, func(s *stream) bool {
			return !s.closed && p.confirmed[s.to.l.m.name] < len(p.v.wal)
		})
		if patience++; waiting && patience < 50 {
			p.after(50*time.Millisecond, look)
			return
		}
		p.v.clean = true
		p.l.process = nil
		p.die("stopped")
	}
	p.after(p.l.w.between(20*time.Millisecond, 200*time.Millisecond), look)
}

// killEngine kills every process of the engine.
func (l *life) killEngine(why string) {
	if p := l.process; p != nil {
		l.process = nil
		p.die(why)
	}
}

func (p *process) die(why string) {
	p.l.w.log("engine of %s: %s", p.l.incarnation, why)
	p.dead = true
	for _, s := range p.streams {
		s.closed = true
	}
	p.detach()
}

// detach ends the own stream.
func (p *process) detach() {
	if p.upstream != nil {
		p.upstream.closed = true
		p.upstream = nil
	}
}

// after makes something happen later in this engine.
func (p *process) after(d time.Duration, do func()) {
	p.l.after(d, theEngine, func() {
		if !p.dead {
			do()
		}
	})
}

// running says whether a process could answer a client now.
func (p *process) running() bool { return !p.dead && !p.l.ended && !p.l.frozen && p.up }
