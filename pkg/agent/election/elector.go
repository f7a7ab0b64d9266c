// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Options are what an Elector is made of.
type Options struct {
	// Member is the member's name, Incarnation this life of its agent.
	Member, Incarnation string
	Clock               Clock
	Leases              Leases
	Peers               Peers
	Engine              Engine
	// Forgets says that an engine that died has forgotten writes that it had acknowledged, and that its replicas may
	// have: then a primary whose engine dies gives the Lease up, all compare how far their data goes, and a promotion
	// waits for every vote that can be had.
	Forgets bool
	// Changed is called whenever Standing may have changed.
	Changed func()
}

// Elector finds out whether this member is primary. One goroutine (Run) makes turns: it looks at what is known, begins
// requests without waiting for them, and sleeps until there is something new or something is due.
type Elector struct {
	Options

	woken chan struct{}
	// news is closed, and made anew, with everything that is taken over.
	news chan struct{}
	ctx  context.Context //nolint:containedctx // that of Run, for the requests that its turns begin

	mu    sync.Mutex
	plan  Plan
	facts engine.Facts
	// adopted is the standing that the engine's loop took over last; factsUnder is what it was when it looked at the
	// engine. Only facts that were seen under a standing prove that it is carried out.
	adopted, factsUnder engine.Standing
	stopping            bool

	// record is the newest Lease that was read, known whether it was read since this agent's start. seen is since when it
	// has been as it is, renewed when a holder was last seen to write it.
	record  Record
	known   bool
	seen    time.Duration
	renewed time.Duration
	// ended are incarnations whose engine is dead, with the epoch that they said it of (0 for every epoch) and the reason
	// to take over.
	ended map[string]ending

	// highest is the highest epoch that was ever seen in a Lease: one that was deleted and made anew knows of none.
	highest int64

	// tenure is not nil while this member holds the Lease and may count on it.
	tenure *tenure
	// yielding is the epoch in which votes are being prepared, preparing how many requests wait for one; promised is the
	// newest in which one was given.
	yielding, promised int64
	preparing          int
	// vouchedUntil is until when this member does not campaign because a Lease expired, notBefore because it has failed,
	// restsUntil because its engine did not come back.
	vouchedUntil, notBefore, restsUntil time.Duration
	// followed is the last holder that this member received from.
	followed engine.Standing

	claim claim
	// busy says that the Lease is being written, reading that it is being read.
	busy, reading bool
	readAt        time.Duration
	// fencing is why the engine must be killed at the end of this turn, fenced the tenure that this ends.
	fencing string
	fenced  *tenure
	refusal *engine.SwitchoverReport
	problem *engine.Problem
	counts  Counts
	// given says that the Lease was given up, or let go, because the pod ends; parting counts the farewells on their way.
	given   bool
	parting int
}

// ending is how an engine was found dead.
type ending struct {
	epoch  int64
	reason string
}

// New returns an Elector that knows nothing.
func New(o Options) *Elector {
	return &Elector{Options: o, woken: make(chan struct{}, 1), news: make(chan struct{}), ended: map[string]ending{}}
}

// Run makes turns until ctx ends.
func (e *Elector) Run(ctx context.Context) {
	e.ctx = ctx
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-e.woken:
		case <-e.Clock.After(e.turn()): //nolint:contextcheck // its requests outlive it: they run in e.ctx, which is ctx
		}
	}
}

// bury tells the others that the engine of a lost tenure is dead.
func (e *Elector) bury() {
	if e.fenced != nil {
		e.farewell(e.fenced)
		e.fenced = nil
	}
}

// wake asks for a turn.
func (e *Elector) wake() {
	select {
	case e.woken <- struct{}{}:
	default:
	}
}

// The longest sleeps between two turns: nothing is watched that would tell that time has passed.
const (
	longTurn  = time.Second
	shortTurn = 100 * time.Millisecond
)

// turn looks at what is known and does what is due. It returns after what time to look again.
func (e *Elector) turn() time.Duration {
	e.mu.Lock()
	next := longTurn
	switch now := e.Clock.Now(); {
	case !e.known:
		e.read(now)
	case e.tenure != nil:
		next = e.hold(now)
	default:
		next = e.watch(now)
	}
	fence := e.fencing
	changed := fence != "" || !e.standing().Equal(e.adopted)
	e.fencing = ""
	e.mu.Unlock()
	if fence != "" {
		klog.FromContext(e.ctx).Info("Fenced the engine", "reason", fence)
		e.Engine.Fence(fence)
		e.update(e.bury)
	}
	if changed {
		e.Changed()
	}
	return next
}

// Plan takes over a plan.
func (e *Elector) Plan(p Plan) { e.update(func() { e.plan = p }) }

// Post takes over what is known of the engine. It is seen under the standing that was read last.
func (e *Elector) Post(f engine.Facts) {
	e.update(func() { e.facts, e.factsUnder = f, e.adopted })
}

// Stop says that the pod is ending.
func (e *Elector) Stop() { e.update(func() { e.stopping = true }) }

// HolderEnded says that the container of an incarnation has terminated (PROTOCOL I5 c).
func (e *Elector) HolderEnded(incarnation string) {
	e.update(func() {
		if _, told := e.ended[incarnation]; !told {
			e.ended[incarnation] = ending{reason: engine.FailoverContainerEnded}
		}
	})
}

// LeaseChanged takes over a Lease that was watched. That it is gone is no news: nobody can write what is not there.
func (e *Elector) LeaseChanged(r Record) {
	e.update(func() {
		if e.known && r.UID != "" { // the first must be read from the API server itself: a cache may lie in the past
			e.see(r, e.Clock.Now())
		}
	})
}

// update takes something over, and tells whoever waits for news.
func (e *Elector) update(f func()) {
	e.mu.Lock()
	f()
	close(e.news)
	e.news = make(chan struct{})
	e.mu.Unlock()
	e.wake()
}

// see takes over a record, unless a newer one is known.
func (e *Elector) see(r Record, now time.Duration) {
	if e.known && e.record.ResourceVersion != "" {
		order, err := resourceversion.CompareResourceVersion(r.ResourceVersion, e.record.ResourceVersion)
		if err != nil || order <= 0 {
			return
		}
	}
	e.record, e.known, e.seen = r, true, now
	e.highest = max(e.highest, r.Epoch)
	if r.Holder != "" {
		e.renewed = now
	}
	if t := e.tenure; t != nil && r.Holder != e.Incarnation {
		e.lose("another holds the Lease")
	}
	if e.yielding < r.Epoch {
		e.yielding = 0
	}
}

// Standing is what the engine must be now. Only the one loop that carries it out may call it: that loop's next facts
// count as seen under it.
func (e *Elector) Standing() engine.Standing {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.adopted = e.standing()
	return e.adopted
}
