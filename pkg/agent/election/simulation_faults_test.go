// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// fault is something that goes wrong with a member, or with everybody. heal ends it; nil when it ends by itself.
type fault struct {
	name string
	do   func(w *world, m *member) (heal func())
}

// faults are what every schedule chooses from.
var faults = []fault{
	{"the API server is out of reach", cutFromAPI},
	{"isolated", isolate},
	{"isolated from all but some peers", isolatePartly},
	{"some peers cannot be reached, or do not hear", cutSomePeers},
	{"the API server is down for everybody", apiDown},
	{"the agent alone is stopped", func(w *world, m *member) func() { return halt(w, m, false) }},
	{"the guard is killed", killGuard},
	{"the container dies", die},
	{"the node dies", dieUnheard},
	{"the engine is killed", crash},
	{"the Lease is deleted", deleteLease},
	{"the pod is deleted", deletePod},
	{"the pod is deleted by force", forceDelete},
	{"a switchover is asked for", switchover},
	{"the replica is slow", slow},
	{"the volume is lost", loseVolume},
}

// hardFaults are those that the timings do not cover.
var hardFaults = []fault{
	{"the container is frozen", func(w *world, m *member) func() { return halt(w, m, true) }},
	{"the clock runs wrong", wrongClock},
}

func deleteLease(w *world, _ *member) func() {
	w.api.delete(w.between(50*time.Millisecond, 5*time.Second))
	return nil
}

func cutFromAPI(w *world, m *member) func() {
	m.link = []link{linkCut, linkRefused, linkDeaf}[w.rng.IntN(3)]
	return func() { m.link = linkGood; w.api.reconnect() }
}

func isolate(w *world, m *member) func() {
	m.link = linkCut
	for _, other := range w.members {
		if other != m {
			w.cut[[2]*member{m, other}], w.cut[[2]*member{other, m}] = true, true
		}
	}
	return func() {
		clear(w.cut)
		m.link = linkGood
		w.api.reconnect()
	}
}

// isolatePartly leaves ways open that nobody needs for an election, but replication does.
func isolatePartly(w *world, m *member) func() {
	heal := isolate(w, m)
	friend := w.members[w.rng.IntN(len(w.members))]
	delete(w.cut, [2]*member{m, friend})
	delete(w.cut, [2]*member{friend, m})
	return heal
}

func cutSomePeers(w *world, m *member) func() {
	for _, other := range w.members {
		if other != m {
			w.cut[[2]*member{m, other}], w.cut[[2]*member{other, m}] = w.chance(50), w.chance(50)
		}
	}
	return func() { clear(w.cut) }
}

func apiDown(w *world, _ *member) func() {
	w.api.down = true
	return func() { w.api.down = false; w.api.reconnect() }
}

// halt stops a container at one of its next steps.
func halt(w *world, m *member, whole bool) func() {
	l := m.life
	if l == nil || l.guardless {
		return nil // without its guard nothing ends the engine of an agent that is stopped: two faults in one
	}
	l.fuse, l.burn = 1+w.rng.IntN(12), func() { l.stop(whole) }
	return func() { l.fuse = 0; l.resume() }
}

// killGuard: the agent sees it and kills the engine, since there is no writable engine without a guard.
func killGuard(w *world, m *member) func() {
	l := m.life
	if l == nil || l.stopped {
		return nil
	}
	l.guardless = true
	p := l.process
	l.after(w.between(time.Millisecond, 100*time.Millisecond), theAgent, func() {
		l.guardless = false
		if p != nil && p == l.process {
			l.crash("its guard was killed")
		}
	})
	return nil
}

// die ends a container at one of its next steps. The kubelet starts the next one, and mostly tells of it.
func die(w *world, m *member) func() {
	if m.life == nil {
		return nil
	}
	l := m.life
	l.fuse, l.burn = 1+w.rng.IntN(12), func() {
		l.end()
		if w.chance(70) {
			w.after(w.between(time.Second, 2*time.Second), func() { w.api.ended(l.incarnation) })
		}
		w.after(w.between(time.Second, 5*time.Second), func() { m.revive() })
	}
	return nil
}

// dieUnheard ends a container without a word, and its machine does not come back soon.
func dieUnheard(_ *world, m *member) func() {
	if m.life == nil {
		return nil
	}
	m.life.end()
	return m.revive
}

// revive starts a life where there is none.
func (m *member) revive() {
	if m.life == nil {
		m.start()
	}
}

func crash(w *world, m *member) func() {
	l := m.life
	if l == nil {
		return nil
	}
	if w.broken == brokenProof {
		w.api.ended(l.incarnation)
	}
	for n := range 1 + w.rng.IntN(3) {
		l.after(time.Duration(n)*w.between(time.Second, 4*time.Second), theGuard, func() { l.crash("killed") })
	}
	return nil
}

// crash is the death of the engine alone.
func (l *life) crash(why string) {
	if l.process != nil {
		l.killEngine(why)
		l.crashes = append(l.crashes, l.w.now)
		l.hurry()
	}
}

// forget is the death of an engine of which the disk has only a beginning of what it acknowledged.
func (m *member) forget(kept int) {
	m.volume.wal, m.volume.standby = m.volume.wal[:min(kept, len(m.volume.wal))], true
	m.life.crash("killed")
}

// deletePod ends a pod in order, within its grace period.
func deletePod(w *world, m *member) func() {
	l := m.life
	if l == nil {
		return nil
	}
	l.terminate()
	w.awaitEnd(l)
	return nil
}

// terminate is SIGTERM.
func (l *life) terminate() {
	l.w.log("%s gets SIGTERM", l.incarnation)
	l.run(theAgent, func() { l.w.touch(l.elector.Stop) })
}

// awaitEnd starts the next pod of a member when the one before is gone, or kills it after its grace period.
func (w *world) awaitEnd(l *life) {
	deadline := w.now + 30*time.Second
	var look func()
	look = func() {
		if w.now > deadline {
			l.end()
		}
		if l.ended {
			l.m.revive()
			return
		}
		w.after(500*time.Millisecond, look)
	}
	look()
}

// forceDelete takes the pod's object and token away while its container runs on for a while. The next pod of the name
// comes to the same machine at once and finds the volume locked.
func forceDelete(w *world, m *member) func() {
	l := m.life
	if l == nil {
		return nil
	}
	l.barred = true
	if w.chance(70) {
		l.terminate()
	}
	w.after(w.between(0, 20*time.Second), l.end)
	w.after(w.between(100*time.Millisecond, 3*time.Second), func() {
		if m.life == l {
			m.start()
		} else {
			m.revive()
		}
	})
	return nil
}

func switchover(w *world, m *member) func() {
	from := w.primary()
	if from == nil {
		return nil
	}
	s := &engine.Switchover{ID: from.name + "-" + w.now.String(), From: from.name}
	if w.chance(50) && m != from {
		s.Target = m.name
	}
	w.log("switchover %+v", *s)
	w.replan(func(p *election.Plan) { p.Switchover = s })
	return nil
}

func slow(w *world, m *member) func() {
	m.lag = w.between(50*time.Millisecond, 10*time.Second)
	return func() { m.lag = 0 }
}

// loseVolume empties the volume of a member that dies. A cluster survives one such loss.
func loseVolume(w *world, m *member) func() {
	bare := slices.ContainsFunc(w.members, func(m *member) bool { return !m.volume.data })
	if w.lost || bare || m.life == nil || len(w.members) < 3 {
		return nil
	}
	w.lost = true
	for _, l := range w.lives {
		if l.m == m {
			l.end()
		}
	}
	m.volume = volume{}
	return m.revive
}

func wrongClock(w *world, m *member) func() {
	m.setRate(m.rate * []float64{0.3, 0.7, 1.5, 3}[w.rng.IntN(4)])
	return func() { m.setRate(1) }
}

// setRate changes how fast a clock runs from now on.
func (m *member) setRate(rate float64) {
	now := m.clock()
	m.rate = rate
	m.offset += now - m.clock()
}

// primary is the member whose engine accepts writes, nil when there is none.
func (w *world) primary() *member {
	for _, m := range w.members {
		if m.life != nil && m.life.process != nil && m.life.process.primary {
			return m
		}
	}
	return nil
}
