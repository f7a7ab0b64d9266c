// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// anything draws an observation without regard to whether it can happen: a rule must be safe even when what is observed
// contradicts itself, because it is read from several places at several times.
func anything(r *rand.Rand) Observation {
	yes := func() bool { return r.IntN(2) == 0 }
	names := []string{"orders-db-0", "orders-db-1", "orders-db-2", "stranger", ""}
	name := func() string { return names[r.IntN(len(names))] }
	some := func() (chosen []string) {
		for _, n := range names[:3] {
			if r.IntN(3) == 0 {
				chosen = append(chosen, n)
			}
		}
		return chosen
	}
	id := func() string { return []string{"", "7", "8"}[r.IntN(3)] }
	o := Observation{
		Member: names[r.IntN(3)], Stopping: r.IntN(8) == 0,
		Plan: engine.Plan{
			Cluster: "orders", SystemID: id(), Initialiser: name(), PowerState: v1alpha1.PowerRunning,
			RetainedMembers: some(),
		},
		Lease:  Lease{Known: r.IntN(8) != 0},
		Volume: Volume{Locked: r.IntN(8) != 0, HasData: yes(), Standby: yes()},
		Server: Server{Running: yes(), Accepting: yes(), InRecovery: yes(), Settled: yes(), Primary: name()},
		Votes:  map[string]engine.Vote{},
	}
	o.Incarnation = o.Member + "/u/now"
	o.Lease.Holder = []string{"", o.Incarnation, o.Member + "/u/before", "orders-db-1/u/now", "stranger/u/n"}[r.IntN(5)]
	o.PrimaryServes = o.Lease.Holder != "" && yes() // nobody's pod does not serve
	if r.IntN(8) == 0 {
		o.Plan.PowerState = v1alpha1.PowerStopped
	}
	if r.IntN(4) == 0 {
		o.Plan.FencedMembers = some()
	}
	if o.Volume.HasData {
		o.Volume.SystemID = id()
	}
	for _, n := range names[:3] {
		if yes() {
			o.Plan.Members = append(o.Plan.Members, engine.PlanMember{Name: n})
		}
		if r.IntN(4) != 0 {
			o.Votes[n] = engine.Vote{SystemID: id(), Timeline: int64(r.IntN(3)), Position: uint64(r.IntN(3))}
		}
	}
	return o
}

// promises are what no observation whatever may make a step break. broken is asked with the step that was chosen.
var promises = map[string]func(o Observation, s Step) (broken bool){
	"a step is one of those that are known": func(_ Observation, s Step) bool {
		_, known := weights[s.Kind]
		return !known || s.Reason == ""
	},
	"without the volume's lock nothing happens on it": func(o Observation, s Step) bool {
		return !o.Volume.Locked && s.Kind != StepWait && s.Kind != StepExit && s.Kind != StepStopServer
	},
	"data is made once": func(o Observation, s Step) bool {
		may := o.Plan.Initialiser == o.Member && o.Plan.SystemID == "" && o.Lease.Holder == o.Incarnation
		return s.Kind == StepInitialise && (!may || o.Volume.HasData)
	},
	"only the holder of the Lease becomes primary": func(o Observation, s Step) bool {
		return (s.Kind == StepStartPrimary || s.Kind == StepPromote) && o.Lease.Holder != o.Incarnation
	},
	"a primary that is tended holds the Lease": func(o Observation, s Step) bool {
		return s.Kind == StepTend && !o.Server.InRecovery && o.Lease.Holder != o.Incarnation
	},
	"no Lease of another member is taken": func(o Observation, s Step) bool {
		return s.Kind == StepTakeLease && o.Lease.Holder != "" && o.Primary() != o.Member
	},
	"a Lease that is held already is not taken again": func(o Observation, s Step) bool {
		return s.Kind == StepTakeLease && o.Lease.Holder == o.Incarnation
	},
	"a free Lease is taken only for the first data": func(o Observation, s Step) bool {
		first := o.Plan.Initialiser == o.Member && o.Plan.SystemID == ""
		return s.Kind == StepTakeLease && o.Lease.Holder == "" && !first && !wonTheVote(o)
	},
	"nobody copies over data, or from itself, or from nobody": func(o Observation, s Step) bool {
		from := s.Primary == "" || s.Primary == o.Member || s.Primary != o.Primary() || !o.PrimaryServes
		return s.Kind == StepClone && (o.Volume.HasData || from)
	},
	"foreign data never serves": func(o Observation, s Step) bool {
		foreign := o.Volume.HasData && o.Plan.SystemID != "" && o.Volume.SystemID != o.Plan.SystemID
		return foreign && weights[s.Kind] > weights[StepTakeLease]
	},
	"nothing is decided before the Lease was read": func(o Observation, s Step) bool {
		return !o.Lease.Known && weights[s.Kind] >= weights[StepTakeLease]
	},
	"a fenced or stopped member goes down and stays down": func(o Observation, s Step) bool {
		down := o.Plan.PowerState == v1alpha1.PowerStopped
		for _, fenced := range o.Plan.FencedMembers {
			down = down || fenced == o.Member
		}
		return down && weights[s.Kind] >= weights[StepTakeLease]
	},
	"a pod that ends begins nothing, and the agent outlives the server": func(o Observation, s Step) bool {
		want := StepExit
		if o.Server.Running {
			want = StepStopServer
		}
		return o.Stopping && s.Kind != want
	},
	"only the pod's end ends the agent": func(o Observation, s Step) bool { return !o.Stopping && s.Kind == StepExit },
	"a server is started once, and stopped, moved or tended only when it runs": func(o Observation, s Step) bool {
		switch s.Kind {
		case StepStartPrimary, StepStartReplica, StepClone, StepInitialise:
			return o.Server.Running && o.Volume.HasData
		case StepStopServer, StepFollow, StepPromote, StepTend:
			return !o.Server.Running
		default:
			return false
		}
	},
}

// weights order the steps from the most careful to the most daring.
var weights = map[StepKind]int{
	StepWait: 1, StepStopServer: 2, StepExit: 3, StepTakeLease: 4, StepInitialise: 5, StepClone: 6, StepStartPrimary: 7,
	StepStartReplica: 8, StepFollow: 9, StepPromote: 10, StepTend: 11,
}

// wonTheVote says, in other words than the code's, whether this member has the newest data of all that were kept.
func wonTheVote(o Observation) bool {
	mine, voted := o.Votes[o.Member]
	retained := false
	for _, name := range o.Plan.RetainedMembers {
		retained = retained || name == o.Member
		his, hisVoted := o.Votes[name]
		older := his.Timeline < mine.Timeline || (his.Timeline == mine.Timeline && his.Position < mine.Position)
		equal := his.Timeline == mine.Timeline && his.Position == mine.Position
		loses := older || (equal && name >= o.Member) // the names here sort as their ordinals do
		if !hisVoted || (his.SystemID != "" && (his.SystemID != mine.SystemID || !loses)) {
			return false
		}
	}
	return retained && voted && mine.SystemID != "" && o.Volume.HasData && o.Server.Settled
}

// TestConvergeKeepsItsPromises draws observations with a fixed seed, and counts that every step was among the answers:
// a promise about a step that never comes would hold without meaning anything.
func TestConvergeKeepsItsPromises(t *testing.T) {
	t.Parallel()
	const draws = 30_000
	r := rand.New(rand.NewPCG(1, 2))
	steps := map[StepKind]int{}
	for range draws {
		o := anything(r)
		before := fmt.Sprintf("%+v", o)
		step := Converge(o)
		steps[step.Kind]++
		if again := Converge(o); !reflect.DeepEqual(step, again) {
			t.Fatalf("the same observation gave %+v, then %+v: %s", step, again, before)
		}
		if after := fmt.Sprintf("%+v", o); after != before {
			t.Fatalf("the observation was changed\nfrom %s\nto   %s", before, after)
		}
		for promise, broken := range promises {
			if broken(o, step) {
				t.Errorf("%s: %s (%s) on %s", promise, step.Kind, step.Reason, before)
			}
		}
	}
	for kind := range weights {
		if steps[kind] < draws/2000 {
			t.Errorf("step %s came %d times in %d: the draws do not reach it", kind, steps[kind], draws)
		}
	}
}

// TestOneFirstPrimary: however the votes are, and whichever member asks, not more than one takes the Lease.
func TestOneFirstPrimary(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	chosen := 0
	for range 5_000 {
		o := anything(r)
		o.Stopping, o.Lease = false, Lease{Known: true}
		o.Plan.SystemID, o.Plan.Initialiser, o.Plan.PowerState, o.Plan.FencedMembers = "", "", v1alpha1.PowerRunning, nil
		o.Volume, o.Server = Volume{Locked: true, HasData: true}, Server{Running: true, Settled: true, InRecovery: true}
		winners := []string{}
		for _, name := range []string{"orders-db-0", "orders-db-1", "orders-db-2"} {
			o.Member, o.Incarnation, o.Volume.SystemID = name, name+"/u/now", o.Votes[name].SystemID
			if Converge(o).Kind == StepTakeLease {
				winners = append(winners, name)
			}
		}
		if len(winners) > 1 {
			t.Fatalf("%q all take the Lease: plan %+v, votes %+v", winners, o.Plan, o.Votes)
		}
		chosen += len(winners)
	}
	if chosen == 0 {
		t.Error("nobody was ever chosen")
	}
}
