// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// part is who in a container does something.
type part int

const (
	// theAgent is PID 1, with the Elector in it.
	theAgent part = iota
	// theGuard kills the engine when the deadline passes, whatever the agent does.
	theGuard
	theEngine
)

// life is a container: an agent, its guard and its engine. When it ends, all of them do.
type life struct {
	w           *world
	m           *member
	id          int
	incarnation string
	elector     *election.Elector
	ctx         context.Context //nolint:containedctx // the life's
	cancel      context.CancelFunc

	// stopped: the agent alone got SIGSTOP. frozen: the whole container is. ended: the container is gone.
	stopped, frozen, ended bool
	held                   []waiting
	open                   []*request
	// barred: the pod was deleted by force, and its token is not valid any more.
	barred bool
	// guardless: the guard was killed, and the agent has not seen it yet.
	guardless bool
	// fuse is after how many of the agent's steps burn happens.
	fuse int
	burn func()

	deadline time.Duration // by the member's clock, 0 for never
	process  *process
	crashes  []time.Duration
	watched  time.Duration
	// turns counts the Elector's turns since a moment.
	turns int
	since time.Duration

	loop loop
}

// waiting is something that waits until a container goes on.
type waiting struct {
	who part
	do  func()
}

// clock is the member's clock.
func (m *member) clock() time.Duration {
	return m.offset + time.Duration(float64(m.w.now)*m.rate)
}

// start begins a new life of a member. One before it may still be there: it holds the lock of the volume.
func (m *member) start() *life {
	m.lived++
	l := &life{
		w: m.w, m: m, id: len(m.w.lives), incarnation: fmt.Sprintf("%s/uid/%d", m.name, m.lived),
	}
	l.ctx, l.cancel = context.WithCancel(klog.NewContext(context.Background(), logr.Discard()))
	l.elector = election.New(election.Options{
		Member: m.name, Incarnation: l.incarnation, Clock: l, Leases: l, Peers: l, Engine: l,
		Forgets: m.w.forgets,
		Changed: func() { l.put(&request{kind: askChanged}) },
	})
	m.life = l
	m.w.lives = append(m.w.lives, l)
	m.w.log("%s starts", l.incarnation)
	plan := m.w.plan
	m.w.touch(func() {
		l.elector.Plan(plan)
		go l.elector.Run(l.ctx)
	})
	l.after(m.w.delay(), theAgent, l.pass)
	return l
}

// end kills the container, and with it the engine.
func (l *life) end() {
	if l.ended {
		return
	}
	l.w.log("%s ends", l.incarnation)
	l.killEngine("its container ended")
	l.ended, l.held = true, nil
	if l.m.volume.lock == l {
		l.m.volume.lock = nil
	}
	if l.m.life == l {
		l.m.life = nil
	}
	l.w.touch(func() {
		l.cancel()
		for _, r := range l.open {
			if !r.over {
				r.over = true
				r.reply <- answer{err: errSilence}
			}
		}
	})
}

// after makes something happen later in this container.
func (l *life) after(d time.Duration, who part, do func()) {
	l.w.after(d, func() { l.run(who, do) })
}

// run does something in this container, or keeps it until the container goes on.
func (l *life) run(who part, do func()) {
	if who == theAgent && !l.stopped && !l.frozen && l.fuse > 0 {
		if l.fuse--; l.fuse == 0 {
			l.burn()
		}
	}
	switch {
	case l.ended:
	case l.frozen, l.stopped && who == theAgent:
		l.held = append(l.held, waiting{who, do})
	default:
		do()
	}
}

// stop sends SIGSTOP to the agent, or freezes the whole container.
func (l *life) stop(whole bool) {
	l.w.log("%s is halted, the whole container: %v", l.incarnation, whole)
	l.stopped, l.frozen = true, whole
}

// resume lets everything go on: each part in its own order, but nobody knows which part is first.
func (l *life) resume() {
	if l.ended || !l.stopped {
		return
	}
	l.w.log("%s goes on", l.incarnation)
	held := l.held
	l.held, l.stopped, l.frozen = nil, false, false
	at := map[part]time.Duration{}
	for _, h := range held {
		at[h.who] += l.w.between(0, 10*time.Millisecond)
		l.after(at[h.who], h.who, h.do)
	}
}

// armed says whether the engine may accept writes.
func (l *life) armed() bool { return l.deadline > l.m.clock() }

// awaitDeadline is the guard: it kills the engine when the deadline passes.
func (l *life) awaitDeadline() {
	deadline := l.deadline
	if deadline-l.m.clock() > time.Hour || l.w.broken == brokenGuard {
		return
	}
	l.after(time.Duration(float64(deadline-l.m.clock())/l.m.rate)+1, theGuard, func() {
		switch p := l.process; {
		case p == nil || l.deadline != deadline:
		case l.armed():
			l.awaitDeadline() // the clock has become slower meanwhile
		default:
			l.after(l.w.between(0, election.FenceTime), theGuard, func() { l.fence(p) })
		}
	})
}

// fence kills the engine that was there when the deadline passed.
func (l *life) fence(p *process) {
	if l.process == p && !l.armed() {
		l.killEngine("fenced by its guard")
	}
}
