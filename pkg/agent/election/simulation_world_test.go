// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// scenario is what a schedule is made of, beside its faults.
type scenario struct {
	seed       uint64
	members    int
	durability v1alpha1.Durability
	// long is how many of 200 delays are as long as a request may take.
	long int
	// hard says that the faults go beyond the timings: containers are frozen, or clocks wrong by more than 1 %. Two
	// members may then run as primary, and only Majority promises anything.
	hard bool
	// forgets says that engines lose what they acknowledged when they die.
	forgets bool
	// broken is what is broken on purpose, to prove that the checks find it.
	broken breakage
	// tracing makes the world write down what happens.
	tracing bool
}

// world is one schedule: an API server, a network and some members whose Electors are the real ones. All else is a
// model that runs on one queue of events. Only one event runs at a time, and the next begins when every goroutine of
// every Elector waits: so a seed says all, and a failure can be replayed.
type world struct {
	scenario
	rng     *rand.Rand
	began   time.Time
	now     time.Duration // since began, by no member's clock
	events  eventQueue
	order   int
	api     *apiServer
	members []*member
	plan    election.Plan
	cut     map[[2]*member]bool // from, to: nothing gets through
	lives   []*life
	judge   judge
	lost    bool // a volume was lost

	mu    sync.Mutex
	asked []*request

	trace []string
	wrong string // the first check that failed
}

// event is something that happens at a moment.
type event struct {
	at    time.Duration
	order int
	do    func()
}

type eventQueue []*event

func (q *eventQueue) Len() int { return len(*q) }
func (q *eventQueue) Less(i, j int) bool {
	a, b := (*q)[i], (*q)[j]
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order)) < 0
}
func (q *eventQueue) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }
func (q *eventQueue) Push(x any)    { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return x
}

// newWorld makes a cluster without data whose members start within the first moments. It must be called in a bubble of
// synctest.
func newWorld(s scenario) *world {
	w := &world{
		scenario: s, rng: rand.New(rand.NewPCG(s.seed, 1)), began: time.Now(), cut: map[[2]*member]bool{},
	}
	w.judge = judge{w: w, promotions: map[int64]string{}}
	w.api = newAPIServer(w)
	w.plan = election.Plan{Durability: s.durability, Initialiser: memberName(0)}
	for range s.members {
		m := w.addMember()
		w.plan.Members = append(w.plan.Members, m.name)
	}
	return w
}

// after makes something happen later.
func (w *world) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, &event{at: w.now + max(0, d), order: w.order, do: do})
}

// run lets things happen until a moment, or until something is wrong or done.
func (w *world) run(until time.Duration, done func() bool) {
	for w.wrong == "" && len(w.events) > 0 && w.events[0].at <= until && (done == nil || !done()) {
		next := heap.Pop(&w.events).(*event)
		w.now = next.at
		next.do()
	}
	if w.wrong == "" && (done == nil || !done()) {
		w.now = max(w.now, until)
	}
}

// end ends every life, since a bubble ends only when its last goroutine does.
func (w *world) end() {
	for _, l := range w.lives {
		l.end()
	}
}

// touch does something that Electors notice, lets them run until all of them wait, and takes up what they ask for.
func (w *world) touch(f func()) {
	time.Sleep(time.Until(w.began.Add(w.now)))
	f()
	synctest.Wait()
	asked := w.asked
	w.asked = nil
	// Goroutines ran side by side; the order of what they ask must not depend on that.
	slices.SortStableFunc(asked, (*request).compare)
	for _, r := range asked {
		w.begin(r)
	}
}

// between gives a random duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

// chance is true in so many of a hundred cases.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// delay is how long a message or a step takes: mostly short, sometimes longer than a request may take.
func (w *world) delay() time.Duration {
	switch n := w.rng.IntN(200); {
	case n < 200-10*w.long:
		return w.between(100*time.Microsecond, 8*time.Millisecond)
	case n < 200-w.long:
		return w.between(8*time.Millisecond, 120*time.Millisecond)
	}
	return w.between(120*time.Millisecond, 1500*time.Millisecond)
}

// log writes down what happens, when somebody wants to know.
func (w *world) log(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%10.6f ", w.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

// tale is what happened.
func (w *world) tale() string { return strings.Join(w.trace, "\n") }

// violated notes that a check failed. Nothing happens after that.
func (w *world) violated(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf("after %.3f s: ", w.now.Seconds()) + fmt.Sprintf(format, args...)
		w.log("VIOLATED %s", w.wrong)
	}
}

// member is one member: a machine with a clock, and a volume. What runs on it is a life.
type member struct {
	w      *world
	name   string
	volume volume
	// offset and rate make its clock; rate 1 is right.
	offset time.Duration
	rate   float64
	// link is its way to the API server, lag what its replication takes longer than others'.
	link link
	lag  time.Duration
	// life is the agent that its address leads to; nil while there is none. lived counts them.
	life  *life
	lived int
}

// born is the operator, which has read of the first data.
func (w *world) born() {
	w.replan(func(p *election.Plan) { p.SystemID, p.Initialiser, p.Retained = systemID, "", nil })
}

func memberName(ordinal int) string { return fmt.Sprintf("db-%d", ordinal) }

// addMember makes a member that starts soon. Its clock is wrong by up to 1 %.
func (w *world) addMember() *member {
	m := &member{w: w, name: memberName(len(w.members)), offset: w.between(0, 1000*time.Hour)}
	m.rate = 1 + (w.rng.Float64()*2-1)*0.01
	w.members = append(w.members, m)
	w.after(w.between(0, 300*time.Millisecond), func() { m.start() })
	return m
}

func (w *world) member(name string) *member {
	for _, m := range w.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// reaches says whether messages get from one member to another.
func (w *world) reaches(from, to *member) bool { return !w.cut[[2]*member{from, to}] }

// connected says whether messages get there and back.
func (w *world) connected(a, b *member) bool { return w.reaches(a, b) && w.reaches(b, a) }

// replan changes the plan. Every agent that is there hears of it, each in its time.
func (w *world) replan(change func(p *election.Plan)) {
	w.plan.Members = slices.Clone(w.plan.Members)
	change(&w.plan)
	plan := w.plan
	for _, l := range w.lives {
		l.after(w.delay(), theAgent, func() { w.touch(func() { l.elector.Plan(plan) }) })
	}
}
