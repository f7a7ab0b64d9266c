// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// claim is the time between "the Lease may be taken" and the taking: positions are compared, without obligation.
type claim struct {
	// since is when the comparison began, 0 while there is none; of is the record that it is about.
	since time.Duration
	of    string
	// heard are the states that were told, silent the members that did not answer.
	heard  map[string]State
	silent map[string]bool
}

// watch is a turn of a member that does not hold the Lease.
func (e *Elector) watch(now time.Duration) time.Duration {
	if e.stopping {
		e.given = true
	}
	if r := e.record; r.Holder != "" && len(r.Electorate) > 1 && now-e.seen > RenewDeadline {
		e.read(now) // a holder renews more often: after an outage the watch may be the one that is late
	}
	reason, in := e.mayTake(now)
	switch {
	case in > 0:
		e.claim = claim{}
		return min(longTurn, in)
	case !e.eligible() || e.busy || now < e.notBefore || e.rests(now):
		e.claim = claim{}
		return longTurn
	case e.founding() || e.resumable() || e.named():
		e.take(now, reason)
		return longTurn
	}
	return e.compare(now, reason)
}

// mayTake says why the Lease may be taken (PROTOCOL I5); in is for how long it may not, zero when it may.
func (e *Elector) mayTake(now time.Duration) (reason string, in time.Duration) {
	r := e.record
	expiry := max(e.seen+r.Duration, e.vouchedUntil)
	if proof, dead := e.ended[r.Holder]; dead && r.Holder != "" && (proof.epoch == 0 || proof.epoch == r.Epoch) {
		return proof.reason, 0
	}
	switch {
	case r.Holder == "" && r.Released != nil && r.Released.Epoch == r.Epoch:
		if s := r.Released.Successor; s != "" && s != e.Member {
			return engine.FailoverExpired, max(0, e.seen+r.Duration-now)
		}
		return r.Released.Reason, 0
	case r.Holder == "" && (e.founding() || len(e.plan.Retained) > 0):
		return "", 0
	case r.HolderMember() == e.Member && e.facts.Locked:
		// The volume's lock is ours, so no engine of an earlier life is left on it. Or it is this very life that holds it:
		// the answer to its own taking was lost, or its engine was fenced in time and nobody else came.
		return engine.FailoverContainerEnded, 0
	}
	return engine.FailoverExpired, max(0, expiry-now)
}

// eligible says whether this member may be primary at all.
func (e *Elector) eligible() bool {
	f, p := e.facts, e.plan
	switch {
	case e.stopping || p.idle(e.Member) || !slices.Contains(p.Members, e.Member) || !f.Locked || f.Refuses != "":
		return false
	case e.record.Electorate != nil && !slices.Contains(e.record.Electorate, e.Member):
		return false // not listed, so nobody asked it to hold still (PROTOCOL I9)
	case len(p.Retained) > 0 && !slices.Contains(p.Retained, e.Member):
		return false
	}
	return e.founding() || (f.HasData && (p.SystemID == "" || p.SystemID == f.SystemID))
}

// founding says that no data was ever born, and that this member is the one to make it, or has just made it. Data that
// has followed a promotion, or is a replica's, was not born here: whoever has it stands for election as anybody else.
func (e *Elector) founding() bool {
	return e.plan.Initialiser == e.Member && e.plan.SystemID == "" && len(e.plan.Retained) == 0 &&
		!e.facts.Standby && len(e.facts.Point.Lineage) <= 1
}

// named says that the holder gave the Lease up in favour of this member.
func (e *Elector) named() bool {
	r := e.record
	return r.Holder == "" && r.Released != nil && r.Released.Epoch == r.Epoch && r.Released.Successor == e.Member
}

// rests says that this member leaves the Lease to others, because its engine did not come back; unless one of them
// found that it has more than they.
func (e *Elector) rests(now time.Duration) bool { return now < e.restsUntil && !e.named() }

// compare asks the others how far their data goes; the most advanced takes the Lease.
func (e *Elector) compare(now time.Duration, reason string) time.Duration {
	if e.claim.of != e.record.ResourceVersion || now-e.claim.since > 2*RequestTimeout {
		e.claim = claim{since: now, of: e.record.ResourceVersion, heard: map[string]State{}, silent: map[string]bool{}}
		for _, m := range e.plan.others(e.Member) {
			e.askState(m)
		}
	}
	e.problem = nil
	for _, m := range e.plan.others(e.Member) {
		state, heard := e.claim.heard[m]
		switch {
		case heard && e.ahead(m, state):
			return longTurn // it takes the Lease; the next comparison sees whether it did
		case !heard && e.needs(m):
			return shortTurn
		}
	}
	e.take(now, reason)
	return longTurn
}

// needs says whether a comparison must wait for a member that has not answered. The holder that was is presumed dead.
func (e *Elector) needs(member string) bool {
	if slices.Contains(e.plan.Retained, member) && e.plan.AcceptDataLoss == "" {
		e.problem = waitingFor("before a first primary is chosen, this member must tell how far its data goes: " + member)
		return true
	}
	return !e.claim.silent[member] && member != e.record.HolderMember()
}

// ahead says whether another member should rather be primary.
func (e *Elector) ahead(member string, s State) bool {
	if !s.HasData || s.Refuses != "" || s.SystemID != e.facts.SystemID {
		return false
	}
	order := s.Point.Compare(e.facts.Point)
	return order > 0 || (order == 0 && e.plan.ahead(member, e.Member))
}

func (e *Elector) askState(member string) {
	c := e.claim
	e.ask(func(ctx context.Context) func() {
		s, err := e.Peers.State(ctx, member)
		return func() {
			if err != nil {
				c.silent[member] = true
				return
			}
			c.heard[member] = s
		}
	})
}

// take writes this incarnation into the Lease, in a new epoch.
func (e *Elector) take(now time.Duration, reason string) {
	r := e.record
	t := &tenure{
		epoch: e.nextEpoch(), began: now, entered: now, reason: reason, from: r.HolderMember(), silent: e.renewed,
		found: e.founding() && !e.facts.HasData, resume: e.resumable() || e.founding(),
		judged: r.Quorum, renewed: now, tried: now, crashes: e.facts.Crashes,
		votes: map[string]Vote{}, asked: map[string]time.Duration{}, reached: map[string]bool{},
	}
	if r.Released != nil {
		t.from = MemberOf(r.Released.Incarnation)
	}
	r.Holder, r.Epoch, r.Duration, r.Released = e.Incarnation, t.epoch, LeaseDuration, nil
	if r.Electorate == nil {
		r.Electorate = e.plan.Members
	}
	e.claim = claim{}
	e.write(r, func(err error) {
		if err != nil || e.record.Holder != e.Incarnation || e.record.Epoch != t.epoch {
			// Refused; or somebody took it since, and the watch was faster than the answer. A tenure would then be
			// renewed over the other's.
			e.notBefore = e.Clock.Now() + longTurn
			return
		}
		t.deadline = now + RenewDeadline
		if t.alone(e.record) {
			t.deadline = never
		}
		e.promised = max(e.promised, t.epoch)
		e.tenure, e.counts.Tenures = t, e.counts.Tenures+1
	})
}

// nextEpoch is beyond every epoch that is known of: the Lease may have been deleted, the data remembers (PROTOCOL I5).
func (e *Elector) nextEpoch() int64 {
	known := max(e.highest, e.promised, e.yielding, e.facts.Point.Lineage.Epoch(), e.record.Lineage.Epoch())
	for _, s := range e.claim.heard {
		known = max(known, s.Epoch)
	}
	return known + 1
}

func waitingFor(message string) *engine.Problem {
	return &engine.Problem{Reason: v1alpha1.ReasonWaitingForMembers, Message: message}
}
