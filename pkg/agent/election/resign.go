// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"slices"
	"time"
)

// handover is why a primary resigns, and for whom.
type handover struct {
	// reason is of the release that follows, id the switchover that was asked for, target the member that shall follow.
	reason, id, target string
	// fenced says that the engine is dead already, and that nobody in particular follows.
	fenced bool
	// confirmed are members that have all that this one has; asked is when they were asked last.
	confirmed []string
	asked     time.Duration
	// told says that the peers know that the engine is dead.
	told bool
}

const (
	// confirmWithin is how long a member may take to confirm that it has everything, once the engine has stopped.
	confirmWithin = 5 * time.Second
	// stopWithin is how long a switchover may wait for the engine to stop before it is called off.
	stopWithin = 30 * time.Second
)

// beginResigning asks the engine to stop. Nothing is given up before it has.
func (e *Elector) beginResigning(now time.Duration, h handover) {
	e.enter(resigning, now)
	e.tenure.handover = h
}

// resign is a turn of a holder whose engine stops.
func (e *Elector) resign(now time.Duration) time.Duration {
	t := e.tenure
	h := &t.handover
	switch {
	case h.fenced:
		e.release(now, Release{Reason: h.reason})
		return shortTurn
	case !e.proves(t.standing()) || !e.facts.Resigned:
		if h.id != "" && now-t.entered > stopWithin {
			return e.callOff(now, "the engine did not stop in time")
		}
		return shortTurn
	case h.asked == 0:
		t.entered = now // from here on others are waited for
	}
	if t.armed {
		t.armed = false
		_ = e.Engine.Arm(0) // the engine has stopped; nothing is left to guard
	}
	if e.plan.Stopped || len(e.plan.Members) == 1 || t.alone(e.record) {
		return e.letGo() // the Lease stays this member's: it is the one to come back
	}
	e.confirm(now)
	if s := e.heir(); s != "" {
		e.counts.Handovers++
		e.release(now, Release{Successor: s, Reason: h.reason})
		return shortTurn
	}
	if now-t.entered < confirmWithin {
		return shortTurn
	}
	if h.id != "" && !e.stopping {
		return e.callOff(now, "no replica confirmed in time that it has everything")
	}
	return e.letGo()
}

// heir is the member to name as successor: the target, or else the first that has everything.
func (e *Elector) heir() string {
	h := e.tenure.handover
	for _, m := range e.plan.Members {
		if slices.Contains(h.confirmed, m) && (h.target == "" || h.target == m) {
			return m
		}
	}
	return ""
}

// confirm asks the others whether they have all that this member has, now that it writes no more.
func (e *Elector) confirm(now time.Duration) {
	t := e.tenure
	h := &t.handover
	pace := shortTurn
	if now-t.entered > confirmWithin {
		pace = longTurn
	}
	if h.asked > 0 && now-h.asked < pace {
		return
	}
	h.asked = now
	for _, m := range e.plan.others(e.Member) {
		if slices.Contains(h.confirmed, m) || e.plan.idle(m) || !slices.Contains(e.record.Electorate, m) {
			continue
		}
		e.ask(func(ctx context.Context) func() {
			s, err := e.Peers.State(ctx, m)
			return func() {
				own := e.facts
				if err == nil && e.tenure == t && own.Exact && s.HasData && s.Refuses == "" && s.SystemID == own.SystemID &&
					s.Point.Compare(own.Point) >= 0 {
					h.confirmed = append(h.confirmed, m)
				}
			}
		})
	}
}

// callOff ends a switchover that did not work: this member is primary again, on the data that it has.
func (e *Elector) callOff(now time.Duration, why string) time.Duration {
	e.refuse(e.tenure.handover.id, why)
	e.tenure.wish.over = true
	e.tenure.handover = handover{}
	e.tenure.sick = now
	e.enter(leading, now)
	return 0
}

// letGo stops counting on the Lease without giving it up: nobody confirmed that it has everything, or nobody else is to
// have it.
func (e *Elector) letGo() time.Duration {
	if !e.plan.Stopped {
		e.farewell(e.tenure)
	}
	e.given = e.stopping && e.parting == 0
	if !e.stopping && !e.plan.idle(e.Member) {
		e.tenure = nil // the plan wants the engine again
	}
	return longTurn
}

// farewell tells the others, once, that the engine of this tenure is dead: they may take over although this member did
// not, or could not, write the Lease (PROTOCOL I5 d).
func (e *Elector) farewell(t *tenure) {
	if t.handover.told {
		return
	}
	t.handover.told = true
	for _, m := range e.plan.others(e.Member) {
		e.parting++
		e.ask(func(ctx context.Context) func() {
			// Who does not hear it waits until the Lease expires.
			_ = e.Peers.Farewell(ctx, m, Farewell{Incarnation: e.Incarnation, Epoch: t.epoch})
			return func() { e.parting-- }
		})
	}
}
