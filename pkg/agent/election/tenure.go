// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// tenure is the time for which this member holds the Lease.
type tenure struct {
	epoch int64
	phase phase
	// began is when the Lease was taken, entered when the phase began.
	began, entered time.Duration
	// reason is why it could be taken, from the member that held it before, silent since when that one was not heard.
	reason, from string
	silent       time.Duration
	// found says that there was never any data, resume that no promotion is needed.
	found, resume bool

	// renewed is the sending of the last renewal that succeeded, deadline until when the engine may accept writes, tried
	// the sending of the last renewal; unanswered says that the last one that ended got no answer.
	renewed, deadline, tried time.Duration
	unanswered               bool
	// armed says that the engine may accept writes.
	armed bool
	// round is the last time that the peers were asked to vouch.
	round time.Duration

	votes map[string]Vote
	// asked is when a member was last asked for what it was not yet given, reached whether it ever answered.
	asked   map[string]time.Duration
	reached map[string]bool
	// judged is where the Lease said that acknowledged writes are when it was taken: nothing was acknowledged since.
	judged engine.Quorum
	// quorum is what the engine is to enforce, weakened what the Lease must say before that changes.
	quorum   engine.Quorum
	weakened *engine.Quorum
	// crashes is how often the engine had died when the Lease was taken: they were the reason to give it up before, and
	// nobody else had as much data.
	crashes int
	// promotion is how this member became primary, nil before; sick is since when the engine has not accepted writes.
	promotion *engine.PromotionReport
	sick      time.Duration
	// attached are the replicas that were level when the engine was last seen to accept writes, waiting since when too
	// few of them have been there for the quorum; formed says that enough of them were there once.
	attached []string
	waiting  time.Duration
	formed   bool
	slow     slowness
	// wish is the switchover that is asked for.
	wish wish

	// handover is what is being resigned for.
	handover handover
}

// phase is how far a tenure is.
type phase int

const (
	// campaigning: votes are asked for; the engine receives from nobody.
	campaigning phase = iota
	// leading: the engine is primary, or about to be.
	leading
	// resigning: the engine stops, for another.
	resigning
)

// never is a deadline that does not come.
const never = time.Duration(math.MaxInt64)

func (t *tenure) standing() engine.Standing {
	switch t.phase {
	case leading:
		return engine.Standing{Part: engine.PartLead, Epoch: t.epoch, Quorum: t.quorum, Found: t.found}
	case resigning:
		return engine.Standing{Part: engine.PartResign, Epoch: t.epoch}
	case campaigning:
	}
	return engine.Standing{Part: engine.PartYield, Epoch: t.epoch}
}

// hold is a turn of the holder. What keeps two members from being primary comes first.
func (e *Elector) hold(now time.Duration) time.Duration {
	t := e.tenure
	if now >= t.deadline {
		e.lose("the Lease was not renewed in time")
		return 0
	}
	e.renew(now)
	e.vouch(now)
	next := longTurn
	switch t.phase {
	case campaigning:
		next = e.campaign(now)
	case leading:
		next = e.lead(now)
	case resigning:
		next = e.resign(now)
	}
	if e.tenure == nil {
		return 0
	}
	return max(0, min(next, t.deadline-now, e.renewIn(now)))
}

// renewIn is after what time there is something to do for the Lease.
func (e *Elector) renewIn(now time.Duration) time.Duration {
	t := e.tenure
	switch {
	case t.alone(e.record):
		return never
	case e.busy && now-t.tried < patience:
		return patience - (now - t.tried) // the answer wakes; without one the peers are asked
	case e.busy:
		return shortTurn
	case t.tried > t.renewed && now-t.tried < retryEvery:
		return retryEvery - (now - t.tried)
	}
	return max(0, t.renewed+RenewEvery-now)
}

// lose ends the tenure. An engine that may accept writes is killed at the end of the turn.
func (e *Elector) lose(why string) {
	if e.tenure.armed {
		e.fencing, e.fenced = why, e.tenure
		e.counts.Fences++
	}
	e.tenure = nil
}

// alone says that the Lease lists nobody else, so that nobody can take it and it needs no renewal.
func (t *tenure) alone(r Record) bool { return len(r.Electorate) == 1 }

// patience is how long a renewal may go unanswered before the peers are asked to vouch: long enough for a slow API
// server, short enough that RenewDeadline is not over.
const patience = 300 * time.Millisecond

// retryEvery is the time between two tries of a renewal that was not answered.
const retryEvery = RequestTimeout / 2

// renew writes the Lease when it is due, or when it must say something else.
func (e *Elector) renew(now time.Duration) {
	t := e.tenure
	wanted := e.wanted()
	due := now-t.renewed >= RenewEvery && !t.alone(wanted)
	failed := t.tried > t.renewed
	if e.busy || !(due || differs(wanted, e.record)) || (failed && now-t.tried < retryEvery) {
		return
	}
	t.tried = now
	e.write(wanted, func(err error) {
		if e.tenure != t {
			return
		}
		t.unanswered = errors.Is(err, ErrNoAnswer)
		if err == nil {
			t.renewed = now
			e.extend(now)
		}
	})
}

// differs says whether two records tell others different things.
func differs(a, b Record) bool {
	return a.Holder != b.Holder || a.Epoch != b.Epoch || !slices.Equal(a.Electorate, b.Electorate) ||
		!a.Quorum.Equal(b.Quorum) || !slices.Equal(a.Lineage, b.Lineage)
}

// extend lets the engine accept writes for a RenewDeadline from the sending of a request that held off all others.
func (e *Elector) extend(sent time.Duration) {
	t := e.tenure
	t.deadline = max(t.deadline, sent+RenewDeadline)
	if t.alone(e.record) {
		t.deadline = never
	} else if t.deadline == never {
		t.deadline = sent + RenewDeadline
	}
	e.arm()
}

// arm tells the engine's guard until when writes are accepted.
func (e *Elector) arm() {
	t := e.tenure
	if t.phase == campaigning {
		return
	}
	if err := e.Engine.Arm(t.deadline); err != nil {
		e.problem = &engine.Problem{
			Reason: v1alpha1.ReasonMemberFailed, Message: "the engine cannot be guarded: " + err.Error(),
		}
		e.lose("the engine has no guard")
		return
	}
	t.armed = true
}

// wanted is what the Lease should say now.
func (e *Elector) wanted() Record {
	t, r := e.tenure, e.record
	r.Holder, r.Epoch, r.Duration, r.Released = e.Incarnation, t.epoch, LeaseDuration, nil
	if len(e.plan.Members) > 0 {
		r.Electorate = e.plan.Members
	}
	f := e.facts
	if t.phase == leading && f.Leading == t.epoch && e.proves(t.standing()) {
		r.Lineage = f.Point.Lineage
		if f.Flushed.Equal(t.quorum) && f.Enforced.Equal(t.quorum) && t.weakened == nil {
			r.Quorum = t.quorum
		}
	}
	if t.weakened != nil {
		r.Quorum = *t.weakened
	}
	return r
}

// vouch asks all other members to hold still while the API server does not answer (PROTOCOL I9).
func (e *Elector) vouch(now time.Duration) {
	t := e.tenure
	if !e.unheard(now) || (t.round > 0 && now-t.round < longTurn) {
		return
	}
	t.round = now
	others := without(e.record.Electorate, e.Member)
	yes := 0
	for _, m := range others {
		e.ask(func(ctx context.Context) func() {
			answer, err := e.Peers.Vouch(ctx, m, VouchRequest{Holder: e.Incarnation, Epoch: t.epoch})
			return func() {
				if err != nil || !answer.Yes || e.tenure != t {
					return
				}
				if yes++; yes == len(others) {
					e.extend(now)
				}
			}
		})
	}
}

// unheard says that the API server does not answer renewals that are needed for an engine that may accept writes.
func (e *Elector) unheard(now time.Duration) bool {
	t := e.tenure
	slow := e.busy && t.tried > t.renewed && now-t.tried >= patience
	return (t.unanswered || slow) && t.phase != campaigning && !t.alone(e.record)
}
