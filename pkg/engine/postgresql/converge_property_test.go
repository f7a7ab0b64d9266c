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
)

// choice is one way in which observations differ.
type choice func(*Observation)

// parts are all that the election can ask for.
var parts = map[string]choice{
	"silent":  func(o *Observation) { stand(o, "") },
	"nobody":  func(o *Observation) { stand(o, engine.PartNobody) },
	"yield":   func(o *Observation) { stand(o, engine.PartYield) },
	"resign":  func(o *Observation) { stand(o, engine.PartResign) },
	"lead":    func(o *Observation) { stand(o, engine.PartLead); o.Standing.Quorum = fullQuorum },
	"found":   func(o *Observation) { stand(o, engine.PartLead); o.Standing.Found = true },
	"follow":  func(o *Observation) { stand(o, engine.PartFollow); o.Standing.Primary = other },
	"astray":  func(o *Observation) { stand(o, engine.PartFollow); o.Standing.Primary = "stranger" },
	"no name": func(o *Observation) { stand(o, engine.PartFollow) },
}

// worlds are all else that a rule looks at, in domains that are small enough for every combination. They contradict
// each other here and there: a rule must be safe even then, since what it sees was read from several places at several
// times.
var worlds = [][]choice{
	{
		func(*Observation) {},
		func(o *Observation) { o.Volume.Locked = false },
		func(o *Observation) { o.Stopping = true },
		func(o *Observation) { o.Plan.FencedMembers = []string{me} },
		func(o *Observation) { rebuild(o, "r2", "r1") },
		func(o *Observation) { o.Plan.RestartMember, o.Pending = me, []string{"max_connections"} },
	},
	{func(*Observation) {}, func(o *Observation) { o.Plan.SystemID = "" }},
	{ // the data, and what it is to the primary's
		func(o *Observation) { o.Volume = Volume{Locked: o.Volume.Locked} },
		func(o *Observation) { o.Volume.SystemID = "8" },
		func(o *Observation) { o.Volume.Point = beginning },
		func(o *Observation) { o.Volume.Point, o.Primary.Oldest = beginning, 95 },
		func(o *Observation) { o.Volume.Point = diverged },
		func(o *Observation) { o.Volume.Point, o.Primary.Checkpointed = diverged, false },
		func(o *Observation) { o.Volume.Point = ambiguous },
	},
	{func(*Observation) {}, func(o *Observation) { o.Volume.Standby = o.Volume.HasData }},
	{func(*Observation) {}, func(o *Observation) { o.Volume.Exact = o.Volume.HasData }},
	{
		func(*Observation) {},
		func(o *Observation) { broken(o, "") },
		func(o *Observation) { broken(o, other) },
		func(o *Observation) { broken(o, third) },
	},
	{ // the server
		down,
		func(o *Observation) { o.Server = Server{Running: true} },
		func(o *Observation) { o.Server = Server{Running: true, Primary: other} },
		func(o *Observation) { o.Server = Server{Running: true, Accepting: true, InRecovery: true} },
		func(o *Observation) {
			o.Server = Server{Running: true, Accepting: true, InRecovery: true, Primary: other}
		},
		func(o *Observation) {
			o.Server = Server{Running: true, Accepting: true, InRecovery: true, Primary: third}
		},
		func(o *Observation) { o.Server = Server{Running: true, Accepting: true} },
		func(o *Observation) { o.Server = Server{Running: true, Accepting: true, Enforced: fullQuorum} },
	},
	{ // the primary
		func(*Observation) {},
		func(o *Observation) { o.Primary = PrimaryState{} },
		func(o *Observation) { o.Primary.Leading = 0 },
		func(o *Observation) { o.Primary.SystemID = "8" },
	},
}

// everywhere calls visit with every combination for a part.
func everywhere(part choice, visit func(Observation)) {
	var descend func(o Observation, axes [][]choice)
	descend = func(o Observation, axes [][]choice) {
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
	descend(asPrimary(func(o *Observation) { o.Primary = leading; part(o) }), worlds)
}

func leads(o Observation) bool               { return o.Standing.Part == engine.PartLead }
func stray(o Observation) bool               { return foreign(o) && o.Volume.HasData }
func relation(o Observation) engine.Relation { return o.Volume.Point.Relate(o.Primary.Lineage) }

// receives says whether a step ends in receiving from another member.
func receives(s Step) bool {
	switch s.Kind {
	case StepClone, StepRewind:
		return true
	case StepStartReplica, StepFollow:
		return s.Primary != ""
	default:
		return false
	}
}

// promises are what no observation whatever may make a step break; broken is asked with the step that was chosen.
var promises = []struct {
	name   string
	broken func(o Observation, s Step) bool
}{
	{"a step has a reason", func(_ Observation, s Step) bool { return s.Reason == "" }},
	{"without the volume's lock nothing happens on it", func(o Observation, s Step) bool {
		return !o.Volume.Locked && s.Kind != StepWait && s.Kind != StepExit
	}},
	{"before the election spoke nothing begins", func(o Observation, s Step) bool {
		return o.Standing.Part == "" && s.Kind != StepWait && s.Kind != StepStopServer && s.Kind != StepExit
	}},
	{"only who is asked to lead becomes primary", func(o Observation, s Step) bool {
		return slices.Contains([]StepKind{StepInitialise, StepStartPrimary, StepPromote, StepEnforce}, s.Kind) && !leads(o)
	}},
	{"a primary that is tended leads", func(o Observation, s Step) bool {
		return s.Kind == StepTend && !o.Server.InRecovery && !leads(o)
	}},
	{"data is made once", func(o Observation, s Step) bool {
		return s.Kind == StepInitialise && (!o.Standing.Found || o.Volume.HasData || o.Plan.SystemID != "")
	}},
	{"a replica is promoted when all is applied and it follows nobody", func(o Observation, s Step) bool {
		return s.Kind == StepPromote && (!o.Volume.Exact || o.Server.Primary != "" || !o.Server.InRecovery)
	}},
	{"a replica's data is never started as a primary's", func(o Observation, s Step) bool {
		return s.Kind == StepStartPrimary && o.Volume.Standby
	}},
	{"what is broken neither leads nor is served", func(o Observation, s Step) bool {
		return o.Volume.Broken && (s.Kind == StepStartPrimary || s.Kind == StepPromote || s.Kind == StepTend ||
			(s.Kind == StepStartReplica && (s.Primary == "" || s.Primary != o.Volume.Rewound)))
	}},
	{"foreign data is left alone", func(o Observation, s Step) bool {
		return stray(o) && s.Kind != StepWait && s.Kind != StepStopServer && s.Kind != StepExit
	}},
	{"who promised to receive from nobody does not", func(o Observation, s Step) bool {
		return o.Standing.Part != engine.PartFollow && receives(s)
	}},
	{"nobody receives from another than the election names", func(o Observation, s Step) bool {
		return receives(s) && s.Primary != o.Standing.Primary
	}},
	{"a copy needs a reason and a primary of this cluster", func(o Observation, s Step) bool {
		behind := o.Volume.Point.Position < o.Primary.Oldest
		reason := !o.Volume.HasData || o.Volume.Broken || o.Plan.Rebuild != nil || behind ||
			relation(o) == engine.RelationClone
		ours := o.Primary.Leading > 0 && o.Plan.SystemID != "" && o.Primary.SystemID == o.Plan.SystemID
		return s.Kind == StepClone && (!reason || !ours || s.Primary != other)
	}},
	{"a rewind needs an exact end, and a primary after its first checkpoint", func(o Observation, s Step) bool {
		return s.Kind == StepRewind &&
			(relation(o) != engine.RelationRewind || !o.Volume.Exact || !o.Primary.Checkpointed || o.Primary.Leading == 0)
	}},
	{"what has diverged does not begin to follow", func(o Observation, s Step) bool {
		begins := receives(s) && (s.Kind == StepStartReplica || s.Kind == StepFollow)
		rewound := o.Volume.Broken && o.Volume.Rewound == s.Primary
		return begins && !rewound && (relation(o) != engine.RelationFollow || !o.Volume.Exact)
	}},
	{"nobody begins to follow who is not promoted", func(o Observation, s Step) bool {
		begins := receives(s) && (s.Kind == StepStartReplica || s.Kind == StepFollow)
		return begins && !o.Volume.Broken && o.Primary.Leading == 0
	}},
	{"a replica that is tended follows the primary", func(o Observation, s Step) bool {
		return s.Kind == StepTend && !leads(o) && o.Server.Primary != other
	}},
	{"a fenced replica goes down and stays down", func(o Observation, s Step) bool {
		return len(o.Plan.FencedMembers) > 0 && !leads(o) && s.Kind != StepWait && s.Kind != StepStopServer
	}},
	{"an ending pod begins nothing, and the agent outlives the server", func(o Observation, s Step) bool {
		want := StepExit
		if o.Server.Running && o.Volume.Locked {
			want = StepStopServer
		}
		return o.Stopping && s.Kind != want
	}},
	{"only the pod's end ends the agent", func(o Observation, s Step) bool { return !o.Stopping && s.Kind == StepExit }},
	{"a server is started when it is down, and stopped, moved or tended when it runs", func(o Observation, s Step) bool {
		switch s.Kind {
		case StepInitialise, StepClone, StepRewind, StepStartPrimary, StepStartReplica:
			return o.Server.Running && o.Volume.HasData
		case StepStopServer, StepFollow, StepPromote, StepEnforce, StepTend:
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
	all := map[StepKind]bool{}
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
		for _, kind := range []StepKind{
			StepWait, StepStopServer, StepExit, StepInitialise, StepClone, StepRewind, StepStartPrimary, StepStartReplica,
			StepFollow, StepPromote, StepEnforce, StepTend,
		} {
			if !all[kind] {
				t.Errorf("step %s never came", kind)
			}
		}
	})
}

func promisesKept(t *testing.T, part choice) map[StepKind]bool {
	t.Helper()
	steps := map[StepKind]bool{}
	everywhere(part, func(o Observation) {
		s := Converge(o)
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
			everywhere(part, func(o Observation) {
				f := Facts(o)
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
			everywhere(part, func(begin Observation) {
				o := begin
				for range 12 {
					arrive(&o)
					s := Converge(o)
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
func restsWell(t *testing.T, begin, o Observation, s Step) {
	t.Helper()
	able := o.Volume.Locked && !o.Stopping && !stray(o) && o.Plan.SystemID != ""
	leader := leads(o) && o.Volume.HasData && !o.Volume.Broken
	follower := o.Standing.Part == engine.PartFollow && o.Standing.Primary == other && canCopy(o) &&
		o.Primary.Checkpointed && len(o.Plan.FencedMembers) == 0
	if able && (leader || follower) && s.Kind != StepTend {
		t.Fatalf("rests in %s (%s) as %+v\nbegan as %+v", s.Kind, s.Reason, o, begin)
	}
}

// arrive lets happen what only takes time.
func arrive(o *Observation) {
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
func carryOut(o *Observation, s Step) {
	switch s.Kind {
	case StepStopServer:
		o.Volume.Exact, o.Server, o.Pending = o.Server.Primary == "", Server{}, nil
	case StepInitialise:
		o.Volume = Volume{Locked: true, HasData: true, SystemID: "7", Point: engine.Point{Lineage: firstLineage}}
	case StepClone:
		o.Volume = Volume{Locked: true, HasData: true, SystemID: "7", Standby: true}
		o.Volume.Point = engine.Point{Lineage: primaryLineage, Position: 200}
		if o.Plan.Rebuild != nil {
			o.Volume.Rebuilt = o.Plan.Rebuild.ID
		}
	case StepRewind:
		o.Volume.Broken, o.Volume.Rewound, o.Volume.Standby, o.Volume.Exact = true, s.Primary, true, false
		o.Volume.Point = engine.Point{Lineage: primaryLineage, Position: 200}
	case StepStartPrimary:
		o.Server = Server{Running: true, Enforced: o.Standing.Quorum}
	case StepStartReplica:
		adopt(o, s)
		o.Server = Server{Running: true, Primary: s.Primary}
		o.Volume.Standby, o.Volume.Exact = true, false
	case StepFollow:
		adopt(o, s)
		o.Server.Primary, o.Server.Streaming, o.Volume.Exact = s.Primary, s.Primary != "", false
	case StepPromote:
		o.Server.InRecovery, o.Volume.Standby, o.Volume.Exact = false, false, false
	case StepEnforce:
		o.Server.Enforced = o.Standing.Quorum
	case StepWait, StepExit, StepTend:
	}
}

// adopt notes where the data of the primary comes from, before anything is received from it.
func adopt(o *Observation, s Step) {
	if s.Primary != "" {
		o.Volume.Point.Lineage = o.Primary.Lineage
	}
}
