// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// How long a primary's engine may be down before another member takes over. Under Relaxed a failover drops what was
// acknowledged and lies on this disk, so recovery gets its time; under Majority nothing is lost.
const (
	recoverWithinMajority = 3 * time.Second
	recoverWithinRelaxed  = 60 * time.Second
	// tooManyCrashes within a minute hand over even though each recovery was quick.
	tooManyCrashes = 3
)

// lead is a turn of the primary, or of the member that is becoming it.
func (e *Elector) lead(now time.Duration) time.Duration {
	t, f := e.tenure, e.facts
	if f.Leading == t.epoch && e.proves(t.standing()) {
		e.serving(now)
	} else if t.sick == 0 {
		t.sick = now
	}
	switch {
	case e.stopping:
		e.beginResigning(now, handover{reason: engine.FailoverReleased})
		return 0
	case e.plan.idle(e.Member):
		e.beginResigning(now, handover{reason: engine.FailoverSwitchover})
		return 0
	case e.forgot():
		e.abdicate(now, Release{Reason: engine.FailoverReleased})
		return shortTurn
	case (t.promotion != nil || t.resume) && e.failing(now):
		return e.desert(now)
	case t.promotion == nil && !t.resume && now-t.entered > PromoteWithin:
		e.problem = waitingFor("the engine was not promoted in time")
		e.abdicate(now, Release{Reason: t.reason})
		return shortTurn
	}
	e.considerSwitchover(now)
	e.checkQuorum(now)
	return longTurn
}

// serving notes that the engine accepts writes.
func (e *Elector) serving(now time.Duration) {
	t := e.tenure
	t.sick, t.found, t.attached = 0, false, e.facts.Attached
	if t.promotion == nil {
		t.promotion = &engine.PromotionReport{Epoch: t.epoch, Reason: t.reason, Time: metav1.Now()}
		if t.from != e.Member && t.from != "" {
			t.promotion.From, t.promotion.UnavailableMilliseconds = t.from, (now - t.silent).Milliseconds()
			e.counts.Failovers++
		}
	}
	e.keepQuorum(now)
}

// failing says whether the engine has been down for too long, or dies again and again.
func (e *Elector) failing(now time.Duration) bool {
	t, within := e.tenure, recoverWithinRelaxed
	if e.plan.Durability == v1alpha1.DurabilityMajority {
		within = recoverWithinMajority
	}
	return (t.sick > 0 && now-t.sick > within) || e.facts.Crashes-t.crashes >= tooManyCrashes
}

// forgot says that what this primary acknowledged may be lost here, and not elsewhere. From that moment on its engine
// may not lead: replicas would take over the less that is left.
func (e *Elector) forgot() bool {
	t, f := e.tenure, e.facts
	// Crashes are forgotten after a minute. What stays is data that was promoted in this tenure and now has to stand for
	// election again.
	return e.Forgets && ((t.promotion != nil && f.Crashes > t.crashes) ||
		(f.Standby && f.Point.Lineage.Epoch() == t.epoch))
}

// desert kills the engine and gives the Lease up, if there is anybody who could take it.
func (e *Elector) desert(now time.Duration) time.Duration {
	if e.successor("") == "" {
		return longTurn // to restart it in place is all there is
	}
	e.restsUntil = now + LeaseDuration // somebody else's turn
	e.abdicate(now, Release{Reason: engine.FailoverReleased})
	return shortTurn
}

// abdicate fences the engine; the turn after that releases the Lease.
func (e *Elector) abdicate(now time.Duration, r Release) {
	e.fencing = "the engine did not come back"
	e.counts.Fences++
	e.tenure.armed = false
	e.enter(resigning, now)
	e.tenure.handover = handover{reason: r.Reason, fenced: true}
}

// wish is a switchover that somebody asks for.
type wish struct {
	id string
	// since is when it was heard of, or refused last. refused says that it was, over that it is not tried again.
	since         time.Duration
	refused, over bool
}

// readyWithin is how long a switchover waits for a replica that can take over before it is refused. One that just
// started is level in its own eyes some time before its primary has seen it so.
const readyWithin = 10 * time.Second

// considerSwitchover begins a switchover that somebody asked for, or refuses it with a reason. Who goes on asking is
// heard again: what was missing may be there by then.
func (e *Elector) considerSwitchover(now time.Duration) {
	s, t := e.plan.Switchover, e.tenure
	if s == nil || s.From != e.Member || t.promotion == nil {
		return
	}
	if t.wish.id != s.ID {
		t.wish = wish{id: s.ID, since: now}
	}
	settled := now-t.wish.since >= readyWithin
	switch {
	case t.wish.over || e.facts.Leading != t.epoch || (t.wish.refused && !settled):
		return // what becomes of an engine that restarts is seen first
	case e.successor(s.Target) != "":
		e.beginResigning(now, handover{reason: engine.FailoverSwitchover, id: s.ID, target: s.Target})
	case settled && s.Target != "":
		e.refuse(s.ID, s.Target+" cannot take over: it does not receive from the primary, or is behind it")
	case settled:
		e.refuse(s.ID, "no replica is caught up")
	}
}

// refuse tells who asked for a switchover why there is none now.
func (e *Elector) refuse(id, message string) {
	e.tenure.wish.refused, e.tenure.wish.since = true, e.Clock.Now()
	e.refusal = &engine.SwitchoverReport{ID: id, Message: message}
}

// successor is a member that could take over now: the target if it can, or else the first that can; "" for nobody.
func (e *Elector) successor(target string) string {
	for _, m := range e.plan.others(e.Member) {
		if (target == "" || m == target) && slices.Contains(e.tenure.attached, m) && !e.plan.idle(m) &&
			slices.Contains(e.record.Electorate, m) {
			return m
		}
	}
	return ""
}

// formWithin is how long the first replicas of a new cluster may take before it is said that writes wait for them.
const formWithin = 30 * time.Second

// checkQuorum tells when writes wait because too few replicas are there.
func (e *Elector) checkQuorum(now time.Duration) {
	t := e.tenure
	count, members := t.quorum.Others(e.Member)
	there := 0
	for _, m := range members {
		if slices.Contains(e.facts.Attached, m) {
			there++
		}
	}
	if there >= count || e.facts.Leading != t.epoch {
		t.waiting, t.formed, e.problem = 0, t.formed || there >= count, nil
		return
	}
	if t.waiting == 0 {
		t.waiting = now
	}
	patience := levelAfter
	if t.from == "" && !t.formed {
		patience = formWithin
	}
	if now-t.waiting >= patience {
		e.problem = &engine.Problem{
			Reason:  v1alpha1.ReasonWaitingForQuorum,
			Message: "writes wait: too few replicas receive them for " + t.quorum.String(),
		}
	}
}
