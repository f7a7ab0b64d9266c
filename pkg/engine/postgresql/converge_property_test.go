// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// choice is one way in which observations differ.
type choice func(*observation)

// parts are all that the election can ask for.
var parts = map[string]choice{
	"silent":  func(o *observation) { stand(o, "") },
	"nobody":  func(o *observation) { stand(o, engine.PartNobody) },
	"yield":   func(o *observation) { stand(o, engine.PartYield) },
	"resign":  func(o *observation) { stand(o, engine.PartResign) },
	"lead":    func(o *observation) { stand(o, engine.PartLead); o.Standing.Quorum = fullQuorum },
	"found":   func(o *observation) { stand(o, engine.PartLead); o.Standing.Found = true },
	"follow":  func(o *observation) { stand(o, engine.PartFollow); o.Standing.Primary = other },
	"astray":  func(o *observation) { stand(o, engine.PartFollow); o.Standing.Primary = "stranger" },
	"no name": func(o *observation) { stand(o, engine.PartFollow) },
}

// worlds are all else that a rule looks at, in domains that are small enough for every combination. They contradict
// each other here and there: a rule must be safe even then, since what it sees was read from several places at several
// times.
var worlds = [][]choice{
	{
		func(*observation) {},
		func(o *observation) { o.Volume.Locked = false },
		func(o *observation) { o.Stopping = true },
		func(o *observation) { o.Plan.FencedMembers = []string{me} },
		func(o *observation) { rebuild(o, "r2", "r1") },
		func(o *observation) { o.Plan.RestartMember, o.Pending = me, []string{"max_connections"} },
	},
	{func(*observation) {}, func(o *observation) { o.Plan.SystemID = "" }},
	{ // the data, and what it is to the primary's
		func(o *observation) { o.Volume = runbook.Volume{Locked: o.Volume.Locked} },
		func(o *observation) { o.Volume.SystemID = "8" },
		func(o *observation) { o.Volume.Point = beginning },
		func(o *observation) { o.Volume.Point = beginning; tells(o, PeerState{Oldest: 95, Checkpointed: true}) },
		func(o *observation) { o.Volume.Point = diverged },
		func(o *observation) { o.Volume.Point = diverged; tells(o, PeerState{}) },
		func(o *observation) { o.Volume.Point = ambiguous },
	},
	{func(*observation) {}, func(o *observation) { o.Volume.Standby = o.Volume.HasData }},
	{func(*observation) {}, func(o *observation) { o.Volume.Exact = o.Volume.HasData }},
	{
		func(*observation) {},
		func(o *observation) { broken(o, "") },
		func(o *observation) { broken(o, other) },
		func(o *observation) { broken(o, third) },
	},
	{ // the server
		down,
		func(o *observation) { o.Server = runbook.Server{Running: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Primary: other} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true} },
		func(o *observation) {
			o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true, Primary: other}
		},
		func(o *observation) {
			o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true, Primary: third}
		},
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, Enforced: fullQuorum} },
	},
	{ // the primary
		func(*observation) {},
		func(o *observation) { o.Primary = runbook.PrimaryState{} },
		func(o *observation) { o.Primary.Leading = 0 },
		func(o *observation) { o.Primary.SystemID = "8" },
	},
}

// everywhere calls visit with every combination for a part.
func everywhere(part choice, visit func(observation)) {
	var descend func(o observation, axes [][]choice)
	descend = func(o observation, axes [][]choice) {
		if len(axes) == 0 {
			visit(o)
			return
		}
		for _, change := range axes[0] {
			next := o
			change(&next)
			descend(next, axes[1:])
		}
	}
	descend(asPrimary(func(o *observation) { o.Primary = leading; part(o) }), worlds)
}

func leads(o observation) bool               { return o.Standing.Part == engine.PartLead }
func stray(o observation) bool               { return runbook.Foreign(o) && o.Volume.HasData }
func relation(o observation) engine.Relation { return o.Volume.Point.Relate(o.Primary.Lineage) }

// receives says whether a step ends in receiving from another member.
func receives(s step) bool {
	switch s.Kind {
	case runbook.StepClone, runbook.StepRewind:
		return true
	case runbook.StepStartReplica, runbook.StepFollow:
		return s.Primary != ""
	default:
		return false
	}
}

// promises are what no observation whatever may make a step break; broken is asked with the step that was chosen.
var promises = []struct {
	name   string
	broken func(o observation, s step) bool
}{
	{"a step has a reason", func(_ observation, s step) bool { return s.Reason == "" }},
	{"without the volume's lock nothing happens on it", func(o observation, s step) bool {
		return !o.Volume.Locked && s.Kind != runbook.StepWait && s.Kind != runbook.StepExit
	}},
	{"before the election spoke nothing begins", func(o observation, s step) bool {
		return o.Standing.Part == "" &&
			!slices.Contains([]runbook.StepKind{runbook.StepWait, runbook.StepStopServer, runbook.StepExit}, s.Kind)
	}},
	{"only who is asked to lead becomes primary", func(o observation, s step) bool {
		return !leads(o) && slices.Contains([]runbook.StepKind{
			runbook.StepInitialise, runbook.StepStartPrimary, runbook.StepPromote, runbook.StepEnforce,
		}, s.Kind)
	}},
	{"a primary that is tended leads", func(o observation, s step) bool {
		return s.Kind == runbook.StepTend && !o.Server.InRecovery && !leads(o)
	}},
	{"data is made once", func(o observation, s step) bool {
		return s.Kind == runbook.StepInitialise && (!o.Standing.Found || o.Volume.HasData || o.Plan.SystemID != "")
	}},
	{"a replica is promoted when all is applied and it follows nobody", func(o observation, s step) bool {
		return s.Kind == runbook.StepPromote && (!o.Volume.Exact || o.Server.Primary != "" || !o.Server.InRecovery)
	}},
	{"a replica's data is never started as a primary's", func(o observation, s step) bool {
		return s.Kind == runbook.StepStartPrimary && o.Volume.Standby
	}},
	{"what is broken neither leads nor is served", func(o observation, s step) bool {
		return o.Volume.Broken && (s.Kind == runbook.StepStartPrimary || s.Kind == runbook.StepPromote ||
			s.Kind == runbook.StepTend ||
			(s.Kind == runbook.StepStartReplica && (s.Primary == "" || s.Primary != o.Volume.Rewound)))
	}},
	{"foreign data is left alone", func(o observation, s step) bool {
		return stray(o) && s.Kind != runbook.StepWait && s.Kind != runbook.StepStopServer && s.Kind != runbook.StepExit
	}},
	{"who promised to receive from nobody does not", func(o observation, s step) bool {
		return o.Standing.Part != engine.PartFollow && receives(s)
	}},
	{"nobody receives from another than the election names", func(o observation, s step) bool {
		return receives(s) && s.Primary != o.Standing.Primary
	}},
	{"a copy needs a reason and a primary of this cluster", func(o observation, s step) bool {
		behind := o.Volume.Point.Position < primaryOf(o).Oldest
		reason := !o.Volume.HasData || o.Volume.Broken || o.Plan.Rebuild != nil || behind ||
			relation(o) == engine.RelationClone
		ours := o.Primary.Leading > 0 && o.Plan.SystemID != "" && o.Primary.SystemID == o.Plan.SystemID
		return s.Kind == runbook.StepClone && (!reason || !ours || s.Primary != other)
	}},
	{"a rewind needs an exact end, and a primary after its first checkpoint", func(o observation, s step) bool {
		return s.Kind == runbook.StepRewind &&
			(relation(o) != engine.RelationRewind || !o.Volume.Exact || !primaryOf(o).Checkpointed || o.Primary.Leading == 0)
	}},
	{"what has diverged does not begin to follow", func(o observation, s step) bool {
		begins := receives(s) && (s.Kind == runbook.StepStartReplica || s.Kind == runbook.StepFollow)
		rewound := o.Volume.Broken && o.Volume.Rewound == s.Primary
		return begins && !rewound && (relation(o) != engine.RelationFollow || !o.Volume.Exact)
	}},
	{"nobody begins to follow who is not promoted", func(o observation, s step) bool {
		begins := receives(s) && (s.Kind == runbook.StepStartReplica || s.Kind == runbook.StepFollow)
		return begins && !o.Volume.Broken && o.Primary.Leading == 0
	}},
	{"a replica that is tended follows the primary", func(o observation, s step) bool {
		return s.Kind == runbook.StepTend && !leads(o) && o.Server.Primary != other
	}},
	{"a fenced replica goes down and stays down", func(o observation, s step) bool {
		return len(o.Plan.FencedMembers) > 0 && !leads(o) && s.Kind != runbook.StepWait && s.Kind != runbook.StepStopServer
	}},
	{"an ending pod begins nothing, and the agent outlives the server", func(o observation, s step) bool {
		want := runbook.StepExit
		if o.Server.Running && o.Volume.Locked {
			want = runbook.StepStopServer
		}
		return o.Stopping && s.Kind != want
	}},
	{"only the pod's end ends the agent", func(o observation, s step) bool {
		return !o.Stopping && s.Kind == runbook.StepExit
	}},
	{"a server is started when it is down, and stopped, moved or tended when it runs", func(o observation, s step) bool {
		switch s.Kind {
		case runbook.StepInitialise, runbook.StepClone, runbook.StepRewind, runbook.StepStartPrimary,
			runbook.StepStartReplica:
			return o.Server.Running && o.Volume.HasData
		case runbook.StepStopServer, runbook.StepFollow, runbook.StepPromote, runbook.StepEnforce, runbook.StepTend:
			return !o.Server.Running
		default:
			return false
		}
	}},
}

// TestConvergeKeepsItsPromises tries every combination, and counts that every step was among the answers: a promise
// about a step that never comes would hold without meaning anything.
func TestConvergeKeepsItsPromises(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	all := map[runbook.StepKind]bool{}
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := promisesKept(t, part)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all, steps)
		})
	}
	t.Cleanup(func() {
		for _, kind := range []runbook.StepKind{
			runbook.StepWait, runbook.StepStopServer, runbook.StepExit, runbook.StepInitialise, runbook.StepClone,
			runbook.StepRewind, runbook.StepStartPrimary, runbook.StepStartReplica,
			runbook.StepFollow, runbook.StepPromote, runbook.StepEnforce, runbook.StepTend,
		} {
			if !all[kind] {
				t.Errorf("step %s never came", kind)
			}
		}
	})
}

func promisesKept(t *testing.T, part choice) map[runbook.StepKind]bool {
	t.Helper()
	steps := map[runbook.StepKind]bool{}
	everywhere(part, func(o observation) {
		s := runbook.Converge(Runbook, o)
		steps[s.Kind] = true
		for _, p := range promises {
			if p.broken(o, s) {
				t.Fatalf("%s: %s %q (%s) on %+v", p.name, s.Kind, s.Primary, s.Reason, o)
			}
		}
	})
	return steps
}

// TestFactsNeverClaimTooMuch: the election builds on them.
func TestFactsNeverClaimTooMuch(t *testing.T) {
	t.Parallel()
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(part, func(o observation) {
				f := runbook.Facts(o)
				writes := o.Server.Accepting && !o.Server.InRecovery
				if f.Leading != 0 && (!leads(o) || !writes || f.Leading != o.Standing.Epoch) {
					t.Fatalf("leading in epoch %d: %+v", f.Leading, o)
				}
				if !f.Enforced.None() && !writes {
					t.Fatalf("a quorum is enforced by a server that accepts no writes: %+v", o)
				}
				if f.Receiving != (o.Server.Running && o.Server.Primary != "") {
					t.Fatalf("receiving %v: %+v", f.Receiving, o)
				}
				if (f.Refuses != "") != (o.Volume.Broken || stray(o)) {
					t.Fatalf("refuses %q: %+v", f.Refuses, o)
				}
			})
		})
	}
}

// TestEveryMemberComesToRest carries the steps out in a model: whatever a member begins with, it gets where the
// election wants it, and stays there.
func TestEveryMemberComesToRest(t *testing.T) {
	t.Parallel()
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(part, func(begin observation) {
				o := begin
				for range 12 {
					arrive(&o)
					s := runbook.Converge(Runbook, o)
					before := o
					carryOut(&o, s)
					if reflect.DeepEqual(o, before) {
						restsWell(t, begin, o, s)
						return
					}
				}
				t.Fatalf("no rest: now %+v\nbegan as %+v", o, begin)
			})
		})
	}
}

// restsWell says whether a member got as far as what it has allows.
func restsWell(t *testing.T, begin, o observation, s step) {
	t.Helper()
	able := o.Volume.Locked && !o.Stopping && !stray(o) && o.Plan.SystemID != ""
	leader := leads(o) && o.Volume.HasData && !o.Volume.Broken
	follower := o.Standing.Part == engine.PartFollow && o.Standing.Primary == other && runbook.CanCopy(o) &&
		primaryOf(o).Checkpointed && len(o.Plan.FencedMembers) == 0
	if able && (leader || follower) && s.Kind != runbook.StepTend {
		t.Fatalf("rests in %s (%s) as %+v\nbegan as %+v", s.Kind, s.Reason, o, begin)
	}
}

// arrive lets happen what only takes time.
func arrive(o *observation) {
	if !o.Server.Running {
		return
	}
	if !o.Server.Accepting {
		o.Server.Accepting, o.Server.InRecovery = true, o.Volume.Standby
	}
	if o.Server.InRecovery && o.Server.Primary == "" {
		o.Volume.Exact = true
	}
	if o.Server.Primary == o.Volume.Rewound {
		o.Volume.Broken = false
	}
}

// carryOut does to the model what a driver does to a server.
func carryOut(o *observation, s step) {
	switch s.Kind {
	case runbook.StepStopServer:
		o.Volume.Exact, o.Server, o.Pending = o.Server.Primary == "", runbook.Server{}, nil
	case runbook.StepInitialise:
		o.Volume = runbook.Volume{Locked: true, HasData: true, SystemID: "7", Point: engine.Point{Lineage: firstLineage}}
	case runbook.StepClone:
		o.Volume = runbook.Volume{Locked: true, HasData: true, SystemID: "7", Standby: true}
		o.Volume.Point = engine.Point{Lineage: primaryLineage, Position: 200}
		if o.Plan.Rebuild != nil {
			o.Volume.Rebuilt = o.Plan.Rebuild.ID
		}
	case runbook.StepRewind:
		o.Volume.Broken, o.Volume.Rewound, o.Volume.Standby, o.Volume.Exact = true, s.Primary, true, false
		o.Volume.Point = engine.Point{Lineage: primaryLineage, Position: 200}
	case runbook.StepStartPrimary:
		o.Server = runbook.Server{Running: true, Enforced: o.Standing.Quorum}
	case runbook.StepStartReplica:
		adopt(o, s)
		o.Server = runbook.Server{Running: true, Primary: s.Primary}
		o.Volume.Standby, o.Volume.Exact = true, false
	case runbook.StepFollow:
		adopt(o, s)
		o.Server.Primary, o.Server.Streaming, o.Volume.Exact = s.Primary, s.Primary != "", false
	case runbook.StepPromote:
		o.Server.InRecovery, o.Volume.Standby, o.Volume.Exact = false, false, false
	case runbook.StepEnforce:
		o.Server.Enforced = o.Standing.Quorum
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepQuiesce, runbook.StepDemote,
		runbook.StepHandOver:
	}
}

// adopt notes where the data of the primary comes from, before anything is received from it.
func adopt(o *observation, s step) {
	if s.Primary != "" {
		o.Volume.Point.Lineage = o.Primary.Lineage
	}
}
