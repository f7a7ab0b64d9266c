// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// loop is the main loop of an agent: observe, post, read the standing, do one thing. Any time may pass between two of
// these, and what is done is decided on what was observed.
type loop struct {
	// woken asks for a pass right after this one; resting says that none is under way.
	woken, resting bool
	rests          int
	// working: a step is under way that takes long.
	working bool
	// receiving: the step may make the engine receive.
	receiving bool
	reported  report
}

const systemID = "7"

// pass begins a pass.
func (l *life) pass() {
	l.loop.woken, l.loop.resting = false, false
	if l.m.volume.lock == nil {
		l.m.volume.lock = l
	}
	facts := l.observe()
	l.step(func() {
		l.w.touch(func() { l.elector.Post(facts) })
		l.say(report{l.incarnation, facts.Leading, l.elector.Report().Epoch})
		l.step(func() {
			s := l.elector.Standing()
			l.step(func() {
				if l.elector.Stopped() {
					l.end()
					return
				}
				if !l.loop.working && facts.Locked {
					l.act(s)
				}
				l.rest()
			})
		})
	})
}

func (l *life) step(do func()) { l.after(l.w.delay(), theAgent, do) }

// rest waits for the next pass.
func (l *life) rest() {
	l.loop.resting = true
	l.loop.rests++
	rest, pause := l.loop.rests, time.Second
	if l.loop.woken || l.loop.working || l.busy() {
		pause = 100 * time.Millisecond
	}
	l.after(pause, theAgent, func() {
		if l.loop.resting && rest == l.loop.rests {
			l.pass()
		}
	})
}

// busy says that something is about to change.
func (l *life) busy() bool {
	p := l.process
	return p == nil || !p.up || (!p.exact && p.follows == "" && !p.primary) || p.barrier > 0
}

// hurry asks for a pass.
func (l *life) hurry() {
	l.loop.woken = true
	if l.loop.resting {
		l.loop.rests++
		rest := l.loop.rests
		l.after(0, theAgent, func() {
			if l.loop.resting && rest == l.loop.rests {
				l.pass()
			}
		})
	}
}

// say reports to the operator.
func (l *life) say(r report) {
	if r != l.loop.reported && l.w.api.report(l, r) {
		l.loop.reported = r
		if l.w.plan.SystemID == "" && r.leading > 0 {
			l.w.born()
		}
	}
}

// observe looks at the engine.
func (l *life) observe() engine.Facts {
	v, p := &l.m.volume, l.process
	if v.lock != l && l.w.broken != brokenLock {
		return engine.Facts{}
	}
	f := engine.Facts{
		Locked: true, HasData: v.data, Standby: v.standby, Receiving: l.loop.receiving,
		Exact: p == nil && v.clean, Crashes: l.recentCrashes(),
	}
	if v.data {
		f.SystemID, f.Point = v.system, v.point()
	}
	if p != nil {
		f.Running, f.Accepting, f.Exact = true, p.up, p.exact
		f.Receiving = f.Receiving || p.follows != ""
		f.Enforced, f.Flushed = p.enforced, p.flushed
		if p.primary && !p.ending {
			f.Leading, f.Attached = p.epoch, p.attached()
		}
	}
	f.Resigned = !f.Running
	if !f.Exact && !f.Receiving && f.Leading == 0 {
		// What is read while the log is still being replayed is somewhat before its end.
		f.Point.Position -= min(f.Point.Position, uint64(l.w.rng.IntN(10)))
	}
	l.w.misreport(&f)
	return f
}

func (l *life) recentCrashes() (n int) {
	for _, at := range l.crashes {
		if l.w.now-at < time.Minute {
			n++
		}
	}
	return n
}

// begin does what takes long, unless the container ends before.
func (l *life) begin(least, most time.Duration, do func()) {
	l.loop.working = true
	l.after(l.w.between(least, most), theAgent, func() {
		l.loop.working, l.loop.receiving = false, false
		do()
		l.hurry()
	})
}
