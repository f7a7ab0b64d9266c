// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// campaign is a turn of a holder that asks for votes (PROTOCOL I6).
func (e *Elector) campaign(now time.Duration) time.Duration {
	t := e.tenure
	switch {
	case e.stopping || e.plan.idle(e.Member):
		e.release(now, Release{Reason: engine.FailoverReleased})
	case t.resume:
		return e.accede(now)
	case now-t.began > PromoteWithin:
		e.problem = waitingFor("not promoted: " + e.missing())
		e.giveUp(now)
	default:
		return e.canvass(now)
	}
	return longTurn
}

// canvass gathers votes and judges them.
func (e *Elector) canvass(now time.Duration) time.Duration {
	t := e.tenure
	if !e.proves(t.standing()) || !still(e.facts) {
		return shortTurn // the own engine may still receive from an older holder; the first vote is the own one
	}
	own := e.facts
	t.votes[e.Member] = Vote{Granted: true, Epoch: t.epoch, HasData: own.HasData, SystemID: own.SystemID, Point: own.Point}
	for _, m := range e.plan.others(e.Member) {
		if _, voted := t.votes[m]; !voted {
			e.askVote(m, now)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(t.votes)) {
		if v := t.votes[m]; v.HasData && v.SystemID == own.SystemID && v.Point.Compare(own.Point) > 0 {
			e.release(now, Release{Successor: m, Reason: t.reason})
			return longTurn
		}
	}
	if !e.elected() {
		return shortTurn
	}
	e.problem = nil
	return e.accede(now)
}

// elected says whether the votes suffice.
func (e *Elector) elected() bool {
	t, p := e.tenure, e.plan
	switch {
	case p.AcceptDataLoss != "":
		return e.heardAll()
	case len(p.Retained) > 0:
		return e.voted(p.Retained)
	case !t.judged.None():
		return t.judged.Promotable(e.voters()) && (!e.Forgets || e.askedAll())
	case p.Durability == v1alpha1.DurabilityMajority:
		// Nobody recorded where the acknowledged writes are: only all members together have them for certain.
		return e.voted(p.Members)
	}
	return e.heardAll()
}

// voted says whether all of these members have voted.
func (e *Elector) voted(members []string) bool {
	return !slices.ContainsFunc(members, func(m string) bool {
		_, voted := e.tenure.votes[m]
		return !voted
	})
}

// voters are the members that have voted and have this cluster's data.
func (e *Elector) voters() []string {
	var names []string
	for m, v := range e.tenure.votes {
		if v.HasData && v.SystemID == e.facts.SystemID {
			names = append(names, m)
		}
	}
	return names
}

// heardAll says whether every member has voted that can be reached.
func (e *Elector) heardAll() bool {
	t := e.tenure
	for _, m := range e.plan.others(e.Member) {
		_, voted := t.votes[m]
		reached, answered := t.reached[m]
		if !voted && (!answered || reached) {
			return false
		}
	}
	return true
}

// askedAll says whether each member has voted, refused, or not answered in time. Where engines forget, a disk may have
// lost what counted for the quorum, and the last copy is with a member whose vote is still to come. The one that held
// the Lease before is not waited for: it may have to read all of its data first, and has no more than its disk.
func (e *Elector) askedAll() bool {
	t := e.tenure
	return !slices.ContainsFunc(e.plan.others(e.Member), func(m string) bool {
		_, answered := t.reached[m]
		return !answered && m != t.from
	})
}

// missing names the members whose votes are missing.
func (e *Elector) missing() string {
	var names []string
	for _, m := range e.plan.Members {
		if _, voted := e.tenure.votes[m]; !voted {
			names = append(names, m)
		}
	}
	return fmt.Sprintf("no vote of %s; acknowledged writes are on %s", strings.Join(names, ", "), e.tenure.judged)
}

// askVote asks a member for its vote, again and again while it refuses: it may still be stopping to receive.
func (e *Elector) askVote(member string, now time.Duration) {
	t := e.tenure
	if last, pending := t.asked[member]; pending && now-last < RequestTimeout+shortTurn {
		return
	}
	t.asked[member] = now
	e.ask(func(ctx context.Context) func() {
		v, err := e.Peers.Vote(ctx, member, VoteRequest{Candidate: e.Incarnation, Epoch: t.epoch})
		return func() {
			t.reached[member] = err == nil
			if err == nil {
				delete(t.asked, member)
			}
			if err == nil && v.Granted && v.Epoch == t.epoch {
				t.votes[member] = v
			}
		}
	})
}

// accede makes this member primary: the Lease must not claim more than its engine will enforce from the first write on.
func (e *Elector) accede(now time.Duration) time.Duration {
	t := e.tenure
	t.quorum = e.fullQuorum()
	if !t.quorum.None() && !t.judged.None() {
		// Members that were added and have not yet received anything must not hold up the first writes.
		t.quorum.Count = min(t.quorum.Count, t.judged.Count)
	}
	if weaker := e.record.Quorum.Weaken(t.quorum); !weaker.Equal(e.record.Quorum) {
		t.weakened = &weaker
		return shortTurn // renew writes it, and the next turn comes here again
	}
	t.weakened = nil
	e.enter(leading, now)
	return 0
}

// fullQuorum is the quorum that the plan asks for, with every member taking part.
func (e *Elector) fullQuorum() engine.Quorum {
	if e.plan.Durability != v1alpha1.DurabilityMajority {
		return engine.Quorum{}
	}
	return engine.MajorityOf(len(e.plan.Members), e.plan.Members)
}

// enter begins a phase.
func (e *Elector) enter(p phase, now time.Duration) {
	t := e.tenure
	t.phase, t.entered = p, now
	if p == leading {
		e.arm()
	}
}

// giveUp releases the Lease for anybody, and holds back for a while so that somebody else may try.
func (e *Elector) giveUp(now time.Duration) {
	e.notBefore = now + RenewEvery
	e.release(now, Release{Reason: e.tenure.reason})
}

// release gives the Lease up. The engine of this member is dead, or was never primary in this tenure.
func (e *Elector) release(now time.Duration, r Release) {
	t := e.tenure
	if e.busy {
		return // the next turn comes here again
	}
	r.Incarnation, r.Epoch = e.Incarnation, t.epoch
	record := e.record
	record.Holder, record.Released = "", &r
	t.tried = now
	e.write(record, func(err error) {
		switch {
		case e.tenure != t:
		case err == nil:
			e.tenure = nil
		case t.phase == resigning && !errors.Is(err, ErrConflict):
			e.farewell(t) // a pod that was deleted by force may not write any more, but it can still speak
		}
	})
}
