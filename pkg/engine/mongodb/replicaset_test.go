// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

const setID = "65f0c0ffee"

// name and host are of the member with an ordinal.
func name(ordinal int) string { return fmt.Sprintf("orders-db-%d", ordinal) }
func host(ordinal int) string { return HostOf(member(ordinal)) }

func member(ordinal int) engine.PlanMember {
	return engine.PlanMember{Name: name(ordinal), Host: name(ordinal) + ".orders-db.shop.svc"}
}

// planOf is a plan of a set that is there, with so many members.
func planOf(members int) engine.Plan {
	p := engine.Plan{SystemID: setID, Durability: v1alpha1.DurabilityMajority}
	for ordinal := range members {
		p.Members = append(p.Members, member(ordinal))
	}
	return p
}

// setOf is what the first member sees of a set of so many members, whole, with itself as primary.
func setOf(members int, change func(*ReplicaSet)) ReplicaSet {
	s := ReplicaSet{Member: name(0), Plan: planOf(members), Committed: true, Joined: true, Config: Config{
		ReplicaSetID: setID, Version: 7,
	}}
	for ordinal := range members {
		in(&s, ordinal, IsVoter(s.Plan, name(ordinal)))
	}
	s.Seen[0].State, s.Seen[0].Self = StatePrimary, true
	change(&s)
	return s
}

// in puts a member into the configuration that is a level secondary.
func in(s *ReplicaSet, ordinal int, votes bool) {
	m := ConfigMember{ID: ordinal, Host: host(ordinal)}
	if votes {
		m.Votes, m.Priority = 1, 1
	}
	s.Config.Members = append(s.Config.Members, m)
	s.Seen = append(s.Seen, Seen{Host: m.Host, State: StateSecondary, Healthy: true, Optime: Optime{1, 100, 1}})
}

// lost makes a member one that does not answer.
func lost(s *ReplicaSet, ordinal int) {
	s.Seen[ordinal].State, s.Seen[ordinal].Healthy = StateDown, false
}

// unborn is the set before it was initiated.
func unborn(s *ReplicaSet) {
	s.Config, s.Seen, s.Committed, s.Joined = Config{}, nil, false, false
	s.Plan.SystemID, s.Plan.Initialiser = "", name(0)
	s.Others = []Other{{Member: name(1)}, {Member: name(2)}}
}

// to is a change of how many members the plan has, before another.
func to(members int, change func(*ReplicaSet)) func(*ReplicaSet) {
	return func(s *ReplicaSet) {
		s.Plan = planOf(members)
		change(s)
	}
}

// answers says that another member's server is there.
func answers(s *ReplicaSet, ordinal int, set string) {
	s.Others = append(s.Others, Other{Member: name(ordinal), ReplicaSetID: set})
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		members int
		change  func(*ReplicaSet)
		want    string
	}{
		"a set at rest":                       {3, func(*ReplicaSet) {}, ""},
		"it is initiated by its initialiser":  {3, unborn, "Initiate 0"},
		"nobody else initiates it":            {3, func(s *ReplicaSet) { unborn(s); s.Member = name(1) }, ""},
		"nor does a volume that was in a set": {3, func(s *ReplicaSet) { unborn(s); s.Joined = true }, ""},
		"nor when the data was born":          {3, func(s *ReplicaSet) { unborn(s); s.Plan.SystemID = setID }, ""},
		"nor when another is in a set":        {3, func(s *ReplicaSet) { unborn(s); s.Others[1].ReplicaSetID = "b" }, ""},
		"others need not answer for it":       {3, func(s *ReplicaSet) { unborn(s); s.Others = nil }, "Initiate 0"},
		"nothing changes before its birth is known": {1, to(3, func(s *ReplicaSet) {
			s.Plan.SystemID = ""
			answers(s, 1, "")
		}), ""},
		"nothing changes in another set": {1, to(3, func(s *ReplicaSet) {
			s.Plan.SystemID = "b"
			answers(s, 1, "")
		}), ""},
		"a member that is there is added": {1, to(3, func(s *ReplicaSet) { answers(s, 2, "") }), "Add 2"},
		"the first of two": {1, to(3, func(s *ReplicaSet) {
			answers(s, 2, "")
			answers(s, 1, "")
		}), "Add 1"},
		"one that was in it before":    {1, to(3, func(s *ReplicaSet) { answers(s, 1, setID) }), "Add 1"},
		"one of another set never":     {1, to(3, func(s *ReplicaSet) { answers(s, 1, "b") }), ""},
		"one that is not there is not": {1, func(s *ReplicaSet) { s.Plan = planOf(3) }, ""},
		"it has no vote while it copies": {1, to(3, func(s *ReplicaSet) {
			in(s, 1, false)
			s.Seen[1].State = StateStartup2
		}), ""},
		"nor while it is behind": {1, to(3, func(s *ReplicaSet) {
			in(s, 1, false)
			s.Seen[1].Optime.Seconds -= nearlyLevel + 1
		}), ""},
		"it gets its vote when it is level": {1, to(3, func(s *ReplicaSet) { in(s, 1, false) }), "Grant 1"},
		"a vote before another member": {1, to(3, func(s *ReplicaSet) {
			in(s, 1, false)
			answers(s, 2, "")
		}), "Grant 1"},
		"the last of four gets none":   {4, func(*ReplicaSet) {}, ""},
		"until there are five":         {4, to(5, func(s *ReplicaSet) { answers(s, 4, "") }), "Grant 3"},
		"and loses it again":           {5, func(s *ReplicaSet) { s.Plan = planOf(4) }, "Withdraw 3"},
		"who leaves is struck":         {3, func(s *ReplicaSet) { s.Plan = planOf(2) }, "Remove 2"},
		"though it is gone already":    {3, to(2, func(s *ReplicaSet) { lost(s, 2) }), "Remove 2"},
		"without a vote first":         {4, func(s *ReplicaSet) { s.Plan = planOf(2) }, "Remove 3"},
		"not while too few would stay": {3, to(2, func(s *ReplicaSet) { lost(s, 1) }), ""},
		"all but one leave one by one": {3, func(s *ReplicaSet) { s.Plan = planOf(1) }, "Remove 1"},
		"the primary does not strike itself": {3, to(2, func(s *ReplicaSet) {
			s.Seen[0].Self, s.Seen[2].Self, s.Seen[0].State, s.Seen[2].State = false, true, StateSecondary, StatePrimary
			s.Member = name(2)
		}), ""},
		"a secondary changes nothing":   {3, to(2, func(s *ReplicaSet) { s.Seen[0].Self, s.Seen[1].Self = false, true }), ""},
		"nor anybody without a primary": {3, to(2, func(s *ReplicaSet) { s.Seen[0].State = StateSecondary }), ""},
		"one change after the other":    {3, to(2, func(s *ReplicaSet) { s.Committed = false }), ""},
	} {
		if got := said(setOf(tt.members, tt.change).Next()); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// said is a move in short.
func said(m Move, ok bool) string {
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s %d", m.Kind, m.ID)
}

// TestWantedVoters: votes are odd, or two, and never more than MongoDB takes.
func TestWantedVoters(t *testing.T) {
	t.Parallel()
	for members, want := range []int{0, 1, 2, 3, 3, 5, 5, 7, 7} {
		if got := WantedVoters(planOf(members)); len(got) != want {
			t.Errorf("%d members: %v vote, want %d", members, got, want)
		}
	}
	if IsVoter(planOf(4), name(3)) || !IsVoter(planOf(4), name(2)) {
		t.Error("of four it is the last that does not vote")
	}
}

func TestWhatASetPromises(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		members int
		change  func(*ReplicaSet)
		count   int
		margin  bool
	}{
		"one member":                    {1, func(*ReplicaSet) {}, 1, false},
		"two members":                   {2, func(*ReplicaSet) {}, 2, false},
		"three":                         {3, func(*ReplicaSet) {}, 2, true},
		"three, one lost":               {3, func(s *ReplicaSet) { lost(s, 1) }, 2, false},
		"four, of whom three vote":      {4, func(*ReplicaSet) {}, 2, true},
		"four, the one without is lost": {4, func(s *ReplicaSet) { lost(s, 3) }, 2, true},
		"five, one lost":                {5, func(s *ReplicaSet) { lost(s, 1) }, 3, true},
		"the only voter of three":       {1, func(s *ReplicaSet) { s.Plan = planOf(3) }, 0, false},
	} {
		s := setOf(tt.members, tt.change)
		if got := s.Enforced(true); got.Count != tt.count || s.Margin() != tt.margin {
			t.Errorf("%s: %v, margin %v; want %d, %v", name, got, s.Margin(), tt.count, tt.margin)
		}
		if got := s.Enforced(false); !got.None() {
			t.Errorf("%s: without the write concern it promises %v", name, got)
		}
	}
}

func TestLevelMembers(t *testing.T) {
	t.Parallel()
	s := setOf(5, func(s *ReplicaSet) {
		s.Seen[1].Optime.Seconds -= nearlyLevel
		s.Seen[2].Optime.Seconds -= nearlyLevel + 1
		s.Seen[3].State = StateRecovering
		lost(s, 4)
	})
	if got := s.LevelMembers(); !slices.Equal(got, []string{name(1)}) {
		t.Errorf("level are %v", got)
	}
	if s.Level("stranger:27017") || !s.Level(host(0)) {
		t.Error("a stranger is level, or the primary is not")
	}
	s.Seen[0].State = StateSecondary
	if s.Level(host(1)) {
		t.Error("a member is level with nobody")
	}
}

// TestNamesOfThoseWhoLeft: who the plan does not have any more is still known by name.
func TestNamesOfThoseWhoLeft(t *testing.T) {
	t.Parallel()
	s := setOf(3, func(s *ReplicaSet) { s.Plan = planOf(1) })
	if got, want := s.Electorate(), []string{name(0), name(1), name(2)}; !slices.Equal(got, want) {
		t.Errorf("%v vote, want %v", got, want)
	}
}
