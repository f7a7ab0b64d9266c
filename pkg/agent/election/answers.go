// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// State tells a peer how this member is. It binds nobody.
func (e *Elector) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.facts
	s := State{
		Incarnation: e.Incarnation, Epoch: max(e.highest, e.promised), HasData: f.HasData, SystemID: f.SystemID,
		Point: f.Point, Exact: f.Exact, Refuses: f.Refuses, Leading: f.Leading,
	}
	switch {
	case e.stopping:
		s.Refuses = "its pod is ending"
	case e.plan.idle(e.Member):
		s.Refuses = "the plan wants its engine down"
	case e.rests(e.Clock.Now()):
		s.Refuses = "its engine did not come back"
	case !f.Locked:
		s.Refuses = "another process holds the lock of its volume"
	case e.record.Electorate != nil && !slices.Contains(e.record.Electorate, e.Member):
		s.Refuses = "the Lease does not list it"
	}
	return s
}

// Vote is asked by a holder that wants to be promoted. It waits until the engine receives from nobody, or until ctx
// ends, and the vote is a promise from then on (PROTOCOL I6).
func (e *Elector) Vote(ctx context.Context, q VoteRequest) Vote {
	if why := e.prepareVote(ctx, q); why != "" {
		return Vote{Epoch: q.Epoch, Why: why}
	}
	defer e.update(e.prepared)
	for {
		v, done, news := e.tryVote(q)
		if done {
			return v
		}
		select {
		case <-ctx.Done():
			return Vote{Epoch: q.Epoch, Why: "the engine did not stop receiving in time"}
		case <-news:
		}
	}
}

// prepareVote makes sure that the candidate is the holder in the Lease as this member has read it, and asks the engine
// to stop receiving.
func (e *Elector) prepareVote(ctx context.Context, q VoteRequest) (why string) {
	e.mu.Lock()
	current := e.known && e.record.Epoch >= q.Epoch
	e.mu.Unlock()
	if !current {
		r, err := e.Leases.Get(ctx)
		if err != nil {
			return "the Lease cannot be read: " + err.Error()
		}
		e.update(func() { e.see(r, e.Clock.Now()) })
	}
	e.update(func() {
		switch {
		case e.record.Holder != q.Candidate || e.record.Epoch != q.Epoch || q.Epoch < e.promised:
			why = "another holds the Lease"
		case e.tenure != nil:
			why = "this member has not yet lost the Lease"
		default:
			e.yielding = q.Epoch
			e.preparing++
		}
	})
	return why
}

// prepared ends the preparation of a vote. When it was not given in time, the candidate asks again, or is promoted
// without it; a member that went on to stand still for it would never follow anybody.
func (e *Elector) prepared() {
	if e.preparing--; e.preparing == 0 {
		e.yielding = 0
	}
}

// tryVote gives the vote if the engine stands still by the promise that it carries, and not merely by chance. When it
// does not yet, news is closed as soon as there is something new.
func (e *Elector) tryVote(q VoteRequest) (v Vote, done bool, news <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.facts
	switch {
	case e.record.Holder != q.Candidate || e.record.Epoch != q.Epoch || e.promised > q.Epoch:
		return Vote{Epoch: q.Epoch, Why: "another holds the Lease"}, true, nil
	case !e.proves(engine.Standing{Part: engine.PartYield, Epoch: q.Epoch}) || !still(f):
		return Vote{}, false, e.news
	}
	e.promised = q.Epoch
	return Vote{Granted: true, Epoch: q.Epoch, HasData: f.HasData, SystemID: f.SystemID, Point: f.Point}, true, nil
}

// Vouch is asked by a holder that the API server does not answer. A yes is the promise not to campaign for a
// LeaseDuration by reason of an expired Lease (PROTOCOL I9).
func (e *Elector) Vouch(q VouchRequest) Voucher {
	e.mu.Lock()
	defer e.mu.Unlock()
	// Who has not read the Lease since its start can promise too: whoever may have been elected meanwhile is asked as
	// well, and does not.
	if e.tenure != nil || e.busy || max(e.promised, e.yielding) > q.Epoch ||
		(e.known && (e.record.Holder != q.Holder || e.record.Epoch != q.Epoch)) {
		return Voucher{}
	}
	e.vouchedUntil = e.Clock.Now() + LeaseDuration
	return Voucher{Yes: true}
}

// Farewell is told by an incarnation whose engine is dead (PROTOCOL I5 d).
func (e *Elector) Farewell(f Farewell) {
	e.update(func() { e.ended[f.Incarnation] = ending{epoch: f.Epoch, reason: engine.FailoverFarewell} })
}

// Stopped says that a member whose pod ends has nothing left to do for the election.
func (e *Elector) Stopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.given
}

// Counts are for metrics.
type Counts struct {
	// Tenures is how often the Lease was taken, Failovers how often this member became primary after another,
	// Handovers how often it named a successor, Fences how often its engine was killed.
	Tenures, Failovers, Handovers, Fences int
}

// Report is what the election tells people and the operator.
type Report struct {
	// Holds says that this member holds the Lease and counts on it; Epoch is the highest that it knows of.
	Holds bool
	Epoch int64
	// Electorate, Durability, Quorum and Promotion are a primary's (engine.MemberReport).
	Electorate []string
	Durability v1alpha1.EffectiveDurability
	Quorum     *engine.Quorum
	Promotion  *engine.PromotionReport
	// Switchover is the last request that could not be carried out, Problem what keeps the cluster from having a primary,
	// or writes from being acknowledged.
	Switchover *engine.SwitchoverReport
	Problem    *engine.Problem
	Counts     Counts
}

// Report tells how the election stands.
func (e *Elector) Report() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := Report{
		Epoch: max(e.highest, e.promised), Switchover: e.refusal, Problem: e.problem, Counts: e.counts,
	}
	if t := e.tenure; t != nil {
		r.Holds, r.Electorate, r.Durability = true, e.record.Electorate, e.durability()
		if q := e.record.Quorum; !q.None() {
			r.Quorum = &q
		}
		if t.promotion != nil && t.promotion.From != "" {
			r.Promotion = t.promotion
		}
	}
	return r
}
