// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// cast is a small cluster for stories that are told step by step. Its engines do at once what they are asked, its API
// server and its network fail only when told to. The simulation is the place for everything else.
type cast struct {
	t     *testing.T
	began time.Time
	plan  Plan
	// forgets says that engines lose what they acknowledged when they die.
	forgets bool

	mu      sync.Mutex
	lease   Record
	version int
	writes  int
	apiDown bool
	members map[string]*actor
}

// actor is one member.
type actor struct {
	*Elector
	c      *cast
	name   string
	cancel context.CancelFunc

	mu     sync.Mutex
	facts  engine.Facts
	cut    bool // nobody reaches it, and it reaches nobody
	fences int
}

// newCast is a cluster whose members run from the first moment on.
func newCast(t *testing.T, durability v1alpha1.Durability, members ...string) *cast {
	t.Helper()
	return gather(t, durability, members...).start()
}

// gather is a cluster whose members have yet to start.
func gather(t *testing.T, durability v1alpha1.Durability, members ...string) *cast {
	t.Helper()
	return &cast{
		t: t, began: time.Now(), members: map[string]*actor{}, version: 1,
		lease: Record{UID: "u", ResourceVersion: "1", Duration: LeaseDuration},
		plan:  Plan{Members: members, Durability: durability, Initialiser: members[0]},
	}
}

func (c *cast) start() *cast {
	c.t.Helper()
	for _, m := range c.plan.Members {
		c.begin(m)
	}
	return c
}

// begin starts a member's agent, in a new life.
func (c *cast) begin(name string) *actor {
	c.t.Helper()
	a := &actor{c: c, name: name, facts: engine.Facts{Locked: true}}
	if old := c.members[name]; old != nil {
		a.facts = old.facts
		a.facts.Leading, a.facts.Running = 0, false
	}
	a.Elector = New(Options{
		Member: name, Incarnation: name + "/uid/" + rand.Text()[:8], Clock: c,
		Leases: a, Peers: network{a}, Engine: a, Forgets: c.forgets, Changed: func() {},
	})
	a.Plan(c.plan)
	_, ctx := ktesting.NewTestContext(c.t)
	ctx, a.cancel = context.WithCancel(ctx)
	c.t.Cleanup(a.cancel)
	c.mu.Lock()
	c.members[name] = a
	c.mu.Unlock()
	go a.Run(ctx)
	go a.loop(ctx)
	return a
}

func (c *cast) Now() time.Duration                     { return time.Since(c.began) + time.Hour }
func (c *cast) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (c *cast) replan(change func(p *Plan)) {
	change(&c.plan)
	c.each(func(a *actor) { a.Plan(c.plan) })
}
func (a *actor) Arm(time.Duration) error      { return nil }
func (a *actor) change(f func(*engine.Facts)) { a.mu.Lock(); f(&a.facts); a.mu.Unlock() }
func (a *actor) know() engine.Facts           { a.mu.Lock(); defer a.mu.Unlock(); return a.facts }
func (a *actor) isolated() bool               { a.mu.Lock(); defer a.mu.Unlock(); return a.cut }
func (a *actor) isolate()                     { a.mu.Lock(); a.cut = true; a.mu.Unlock() }
func (a *actor) rejoin()                      { a.mu.Lock(); a.cut = false; a.mu.Unlock() }
func (a *actor) leads() bool                  { return a.know().Leading > 0 }

func (a *actor) die() {
	a.isolate()
	a.cancel()
	a.change(func(f *engine.Facts) { f.Leading = 0 })
}

func (c *cast) each(f func(*actor)) {
	for _, a := range c.members {
		f(a)
	}
}

// Fence ends the engine.
func (a *actor) Fence(string) {
	a.change(func(f *engine.Facts) { f.Leading, f.Running, f.Receiving = 0, false, false })
	a.mu.Lock()
	a.fences++
	a.mu.Unlock()
}

// loop does what the election asks, as the agent's passes do.
func (a *actor) loop(ctx context.Context) {
	for ctx.Err() == nil {
		a.Post(a.know())
		s := a.Standing()
		a.change(func(f *engine.Facts) { obey(f, s) })
		if s.Part == engine.PartLead {
			a.c.replicate(a)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// obey makes an engine as it is asked to be.
func obey(f *engine.Facts, s engine.Standing) {
	f.Running, f.Accepting, f.Exact, f.Resigned = true, true, true, false
	switch s.Part {
	case engine.PartLead:
		f.Exact, f.Receiving = false, false
		if s.Found && !f.HasData {
			f.HasData, f.SystemID, f.Standby = true, "7", false
			f.Point = engine.Point{Lineage: engine.Lineage{{Epoch: s.Epoch, Timeline: 1}}, Position: 1}
		} else if f.Standby {
			f.Standby = false
			f.Point.Lineage = f.Point.Lineage.With(engine.Promotion{
				Epoch: s.Epoch, Timeline: int64(len(f.Point.Lineage) + 1), Position: f.Point.Position,
			})
		}
		f.Leading, f.Enforced, f.Flushed = s.Epoch, s.Quorum, s.Quorum
	case engine.PartFollow:
		f.Receiving, f.Exact, f.Leading, f.Standby = true, false, 0, f.HasData
	case engine.PartYield, engine.PartNobody:
		f.Receiving, f.Leading, f.Standby = false, 0, f.HasData
	case engine.PartResign:
		f.Running, f.Receiving, f.Leading, f.Resigned = false, false, 0, true
	default:
		f.Running = f.Leading > 0
	}
}

// replicate gives the primary's data to all that receive, and tells the primary who does.
func (c *cast) replicate(primary *actor) {
	p := primary.know()
	var attached []string
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.members {
		if a == primary || a.isolated() || primary.isolated() || !a.know().Receiving {
			continue
		}
		attached = append(attached, name)
		a.change(func(f *engine.Facts) { f.HasData, f.SystemID, f.Point, f.Standby = true, p.SystemID, p.Point, true })
	}
	slices.Sort(attached)
	primary.change(func(f *engine.Facts) { f.Attached = attached })
}

// Get and Update are the API server.
func (a *actor) Get(ctx context.Context) (Record, error) {
	if err := a.reach(ctx); err != nil {
		return Record{}, err
	}
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return a.c.lease, nil
}

func (a *actor) Update(ctx context.Context, r Record) (Record, error) {
	if err := a.reach(ctx); err != nil {
		return Record{}, err
	}
	c := a.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ResourceVersion != c.lease.ResourceVersion {
		return Record{}, ErrConflict
	}
	c.version++
	c.writes++
	r.ResourceVersion = strconv.Itoa(c.version)
	c.lease = r
	for _, other := range c.members {
		if !other.isolated() {
			go other.LeaseChanged(r)
		}
	}
	return r, nil
}

func (a *actor) reach(ctx context.Context) error {
	a.c.mu.Lock()
	down := a.c.apiDown
	a.c.mu.Unlock()
	switch {
	case down:
		return fmt.Errorf("%w: refused", ErrNoAnswer)
	case a.isolated():
		<-ctx.Done()
		return fmt.Errorf("%w: %w", ErrNoAnswer, ctx.Err())
	}
	return nil
}

// The peers are the other actors.
func (a *actor) peer(ctx context.Context, member string) (*actor, error) {
	a.c.mu.Lock()
	p := a.c.members[member]
	a.c.mu.Unlock()
	if p == nil || p.isolated() || a.isolated() {
		<-ctx.Done()
		return nil, errors.New("no route")
	}
	return p, nil
}

// network are an actor's peers.
type network struct{ *actor }

func (n network) State(ctx context.Context, m string) (State, error) {
	p, err := n.peer(ctx, m)
	if err != nil {
		return State{}, err
	}
	return p.State(), nil
}

func (n network) Vote(ctx context.Context, m string, q VoteRequest) (Vote, error) {
	p, err := n.peer(ctx, m)
	if err != nil {
		return Vote{}, err
	}
	return p.Vote(ctx, q), nil
}

func (n network) Vouch(ctx context.Context, m string, q VouchRequest) (Voucher, error) {
	p, err := n.peer(ctx, m)
	if err != nil {
		return Voucher{}, err
	}
	return p.Vouch(q), nil
}

func (n network) Farewell(ctx context.Context, m string, f Farewell) error {
	p, err := n.peer(ctx, m)
	if err == nil {
		p.Farewell(f)
	}
	return err
}

// written is how often the Lease was written.
func (c *cast) written() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// primary is the one member that accepts writes; the test fails when there are two.
func (c *cast) primary() string {
	c.t.Helper()
	var names []string
	c.each(func(a *actor) {
		if a.leads() {
			names = append(names, a.name)
		}
	})
	if len(names) > 1 {
		c.t.Fatalf("two primaries: %v", names)
	}
	return slices.Concat(names, []string{""})[0]
}

// await waits until a member is primary, and says how long that took.
func (c *cast) await(within time.Duration, wanted ...string) time.Duration {
	c.t.Helper()
	began := time.Now()
	for time.Since(began) < within {
		if p := c.primary(); slices.Contains(wanted, p) {
			return time.Since(began)
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
	}
	c.t.Fatalf("after %s the primary is %q, want one of %v; Lease %+v", within, c.primary(), wanted, c.lease)
	return 0
}
