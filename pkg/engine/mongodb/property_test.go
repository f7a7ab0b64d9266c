// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// world is a test double of a replica set and its agents: servers that run or not, copy or are level, and keep what
// they were told. It elects any voter that has what was committed, when a majority of voters runs. It is no mongod; it
// holds ReplicaSet.Next to its promises over many orders of events.
type world struct {
	t    *testing.T
	rand *rand.Rand
	plan engine.Plan
	// servers are by ordinal; a volume outlives its server.
	servers [8]server
	primary int // -1 for none
	// sets are the identities that were ever drawn.
	sets []string
	told []string
}

// server is a server and its volume.
type server struct {
	running, level, joined bool
	config                 Config
	// removed says that the configuration does not have it any more, and that it knows.
	removed bool
}

func newWorld(t *testing.T, members int, seed uint64) *world {
	t.Helper()
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 6)), primary: -1, plan: planOf(members)}
	w.plan.SystemID, w.plan.Initialiser = "", name(0)
	return w
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.told {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

func (w *world) tell(format string, args ...any) {
	w.told = append(w.told, fmt.Sprintf(format, args...))
}

// newest is the configuration that counts: of all that are there, the highest version.
func (w *world) newest() Config {
	var newest Config
	for _, s := range w.servers {
		if s.config.Version > newest.Version {
			newest = s.config
		}
	}
	return newest
}

// majority says whether more than half of the voters of a configuration run, and have it.
func (w *world) majority(c Config, has func(server) bool) bool {
	n := 0
	for _, v := range c.Voters() {
		if s := w.servers[v.ID]; s.running && has(s) {
			n++
		}
	}
	return n >= c.Majority() && len(c.Members) > 0
}

func anyServer(server) bool { return true }

// elect makes a voter primary that has everything, if a majority of voters runs; without one nobody is.
func (w *world) elect() {
	c := w.newest()
	if w.primary >= 0 && (!w.servers[w.primary].running || !w.majority(w.servers[w.primary].config, anyServer)) {
		w.tell("%d is primary no more", w.primary)
		w.primary = -1
	}
	if w.primary >= 0 || !w.majority(c, anyServer) {
		return
	}
	for _, v := range c.Voters() {
		if s := w.servers[v.ID]; s.running && s.level && s.config.Version == c.Version {
			w.primary = v.ID
			w.tell("%d is primary", v.ID)
			return
		}
	}
}

// spread lets a server hear of the newest configuration, and copy what it lacks.
func (w *world) spread(ordinal int) {
	s, c := &w.servers[ordinal], w.newest()
	if !s.running || w.primary < 0 {
		return
	}
	if _, in := c.Find(host(ordinal)); in {
		s.removed, s.level, s.joined, s.config = false, true, true, c
	} else if s.config.InSet() {
		s.removed = true
	}
}

// view is what the agent of a member sees.
func (w *world) view(ordinal int) ReplicaSet {
	me := w.servers[ordinal]
	s := ReplicaSet{Member: name(ordinal), Plan: w.plan, Config: me.config, Joined: me.joined}
	s.Committed = w.primary == ordinal && w.majority(me.config, func(o server) bool {
		return o.config.Version == me.config.Version
	})
	for _, m := range me.config.Members {
		other := w.servers[m.ID]
		seen := Seen{Host: m.Host, State: StateSecondary, Healthy: other.running, Self: m.ID == ordinal}
		switch {
		case !other.running:
			seen.State = StateDown
		case m.ID == w.primary:
			seen.State = StatePrimary
		case !other.level:
			seen.State = StateStartup2
		}
		s.Seen = append(s.Seen, seen)
	}
	for _, m := range w.plan.Members {
		if i := idOf(m); i != ordinal && w.servers[i].running {
			s.Others = append(s.Others, Other{Member: m.Name, ReplicaSetID: w.servers[i].config.ReplicaSetID})
		}
	}
	return s
}

// act lets the agent of a member make its next move, as the server would take it.
func (w *world) act(ordinal int) bool {
	s := &w.servers[ordinal]
	if !s.running {
		return false
	}
	view := w.view(ordinal)
	m, ok := view.Next()
	if !ok {
		return w.adopt(ordinal)
	}
	w.tell("%d: %s %d", ordinal, m.Kind, m.ID)
	next := s.config.After(m)
	w.mustBeSafe(ordinal, view, m, next)
	if m.Kind == Initiate {
		next.ReplicaSetID = fmt.Sprint("set", len(w.sets))
		w.sets = append(w.sets, next.ReplicaSetID)
		s.level, s.joined = true, w.rand.IntN(2) == 0 // the agent may die before it notes what it did
	}
	s.config = next
	return true
}

// adopt is what becomes of the identity of a set: its primary's agent reports it, the operator puts it into the plan.
// An agent that finds its server in a set notes it on the volume.
func (w *world) adopt(ordinal int) bool {
	s := &w.servers[ordinal]
	changed := s.config.InSet() && !s.joined
	s.joined = s.joined || s.config.InSet()
	if w.plan.SystemID == "" && w.primary == ordinal {
		w.plan.SystemID, w.plan.Initialiser = s.config.ReplicaSetID, ""
		w.tell("the plan has %s", w.plan.SystemID)
		return true
	}
	return changed
}

// mustBeSafe holds a move against what no order of events may lead to.
func (w *world) mustBeSafe(ordinal int, view ReplicaSet, m Move, next Config) {
	w.t.Helper()
	switch {
	case m.Kind == Initiate && len(w.sets) > 0:
		w.fail("%d initiates a second set", ordinal)
	case m.Kind == Initiate:
		return
	case ordinal != w.primary || !view.Committed:
		w.fail("%d changes the configuration, and may not", ordinal)
	}
	votes := 0
	for id := range w.servers {
		before, _ := view.Config.Find(host(id))
		after, _ := next.Find(host(id))
		if before.Votes != after.Votes {
			votes++
		}
	}
	if votes > 1 {
		w.fail("%s %d changes %d votes at once", m.Kind, m.ID, votes)
	}
	if level := w.levelVoters(next); level < next.Majority() {
		w.fail("%s %d leaves %d of %d votes", m.Kind, m.ID, level, len(next.Voters()))
	}
	if me, _ := next.Find(host(ordinal)); me.Votes == 0 {
		w.fail("the primary strikes itself, or its vote")
	}
}

func (w *world) levelVoters(c Config) (n int) {
	for _, v := range c.Voters() {
		if s := w.servers[v.ID]; s.running && s.level {
			n++
		}
	}
	return n
}

// whims are what may happen at any time. The volume of one member may be lost, while the others are level.
var whims = []func(w *world){
	func(w *world) { w.servers[w.rand.IntN(len(w.servers))].running = false },
	func(w *world) { w.start(w.rand.IntN(len(w.servers))) },
	func(w *world) { w.start(w.rand.IntN(len(w.servers))) },
	func(w *world) { w.start(w.rand.IntN(3)) },
	func(w *world) {
		if w.primary >= 0 {
			w.tell("%d steps down", w.primary)
			w.primary = -1
		}
	},
	func(w *world) { w.scale(1 + w.rand.IntN(7)) },
	func(w *world) {
		if i := w.rand.IntN(len(w.servers)); i != w.primary && w.primary >= 0 && w.plan.SystemID != "" && w.othersLevel(i) {
			w.tell("%d loses its volume", i)
			w.servers[i] = server{}
		}
	},
}

func (w *world) othersLevel(ordinal int) bool {
	c := w.newest()
	return w.levelVoters(c)-1 >= c.Majority() || slices.IndexFunc(c.Voters(), func(m ConfigMember) bool {
		return m.ID == ordinal
	}) < 0
}

// start starts a server whose pod is there: the plan has it, or it still votes.
func (w *world) start(ordinal int) {
	_, planned := w.plan.Member(name(ordinal))
	m, in := w.newest().Find(host(ordinal))
	if planned || (in && m.Votes > 0) {
		w.servers[ordinal].running = true
	}
}

// scale changes how many members the plan has, and keeps a primary beyond them, as the operator does.
func (w *world) scale(members int) {
	if w.plan.SystemID == "" {
		return
	}
	w.tell("%d members", members)
	w.plan.Members = planOf(members).Members
	if w.primary >= members {
		w.plan.Members = append(w.plan.Members, member(w.primary))
	}
}

// rest lets everything run until nothing changes any more.
func (w *world) rest() {
	for range 200 {
		for i := range w.servers {
			w.start(i)
		}
		if !w.round() {
			return
		}
	}
	w.fail("still busy")
}

// round lets everybody act once.
func (w *world) round() (busy bool) {
	w.elect()
	for i := range w.servers {
		before := w.servers[i]
		w.spread(i)
		busy = w.act(i) || before.config.Version != w.servers[i].config.Version || before.level != w.servers[i].level || busy
	}
	return w.handOver() || busy
}

// handOver is what the runbook and the operator do when the primary may not vote by the plan, or is beyond its members.
func (w *world) handOver() bool {
	if w.primary < 0 || w.plan.SystemID == "" {
		return false
	}
	members := len(w.plan.Members)
	for _, v := range w.newest().Voters() {
		s := w.servers[v.ID]
		leads := IsVoter(w.plan, name(w.primary)) && (w.primary < members || members == 1)
		may := s.running && s.level && s.config.Version == w.newest().Version
		if !leads && may && IsVoter(w.plan, name(v.ID)) && v.ID != w.primary {
			w.tell("%d hands over to %d", w.primary, v.ID)
			old := w.primary
			w.primary = v.ID
			w.plan.Members = slices.DeleteFunc(w.plan.Members, func(m engine.PlanMember) bool {
				return idOf(m) == old && old >= members-1
			})
			return true
		}
	}
	return false
}

// TestAnyOrderOfEventsEndsAsThePlanSays: whatever dies, is scaled or is lost in between, there is one set, every change
// of it was a safe one, and in the end it has the plan's members and the votes that they should have.
func TestAnyOrderOfEventsEndsAsThePlanSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		w := newWorld(t, 1+int(seed%7), seed)
		for range 400 {
			if w.rand.IntN(5) == 0 {
				whims[w.rand.IntN(len(whims))](w)
			}
			w.elect()
			if i := w.rand.IntN(len(w.servers)); w.rand.IntN(2) == 0 {
				w.spread(i)
			} else {
				w.act(i)
			}
		}
		w.rest()
		w.mustBeAsPlanned()
	}
}

func (w *world) mustBeAsPlanned() {
	w.t.Helper()
	var want []string
	for _, m := range w.plan.Members {
		want = append(want, m.Name)
	}
	c := w.newest()
	s := ReplicaSet{Plan: w.plan, Config: c}
	var got []string
	for _, m := range c.Members {
		got = append(got, s.NameOf(m.Host))
	}
	slices.Sort(got)
	if len(w.sets) != 1 || !slices.Equal(got, want) {
		w.fail("sets %v; members are %v, want %v", w.sets, got, want)
	}
	if votes := s.Electorate(); !slices.Equal(votes, WantedVoters(w.plan)) || (len(votes)%2 == 0 && len(votes) != 2) {
		w.fail("%v vote, want %v", votes, WantedVoters(w.plan))
	}
}
