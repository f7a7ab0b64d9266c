// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

const (
	me    = "orders-db-0"
	other = "orders-db-1"
	third = "orders-db-2"
)

// The histories of the tests: the primary was promoted in epoch 5, at position 100.
var (
	firstLineage   = engine.Lineage{{Epoch: 1, Timeline: 1}}
	primaryLineage = firstLineage.With(engine.Promotion{Epoch: 5, Timeline: 2, Position: 100})
	strayedLineage = firstLineage.With(engine.Promotion{Epoch: 4, Timeline: 2, Position: 120})

	beginning = engine.Point{Lineage: firstLineage, Position: 90}
	diverged  = engine.Point{Lineage: firstLineage, Position: 150}
	ambiguous = engine.Point{Lineage: strayedLineage, Position: 150}
)

var (
	fullQuorum = engine.MajorityOf(3, []string{me, other, third})
	leading    = PrimaryState{
		Known: true, Leading: 5, SystemID: "7", Lineage: primaryLineage, PeerState: PeerState{Checkpointed: true},
	}
)

// asPrimary is an observation of a primary at rest; change makes it another.
func asPrimary(change func(*Observation)) Observation {
	o := Observation{
		Member: me,
		Plan: engine.Plan{
			Cluster: "orders", SystemID: "7", PowerState: v1alpha1.PowerRunning,
			Members: []engine.PlanMember{{Name: me}, {Name: other}, {Name: third}},
		},
		Standing: engine.Standing{Part: engine.PartLead, Epoch: 5, Quorum: fullQuorum},
		Volume:   Volume{Locked: true, HasData: true, SystemID: "7", Point: beginning},
		Server:   Server{Running: true, Accepting: true, Enforced: fullQuorum},
	}
	change(&o)
	return o
}

// asReplica is an observation of a replica at rest.
func asReplica(change func(*Observation)) Observation {
	return asPrimary(func(o *Observation) {
		o.Standing = engine.Standing{Part: engine.PartFollow, Epoch: 5, Primary: other}
		o.Primary, o.Volume.Standby = leading, true
		o.Volume.Point.Lineage = primaryLineage // noted, although not reached yet
		o.Server = Server{Running: true, Accepting: true, InRecovery: true, Primary: other, Streaming: true}
		change(o)
	})
}

// asNobody is an observation of a member that is down and that the election has told to receive from nobody.
func asNobody(change func(*Observation)) Observation {
	return asPrimary(func(o *Observation) {
		o.Standing, o.Server = engine.Standing{Part: engine.PartNobody}, Server{}
		change(o)
	})
}

// detached makes a member a replica of nobody that has applied all it has.
func detached(o *Observation) {
	o.Server = Server{Running: true, Accepting: true, InRecovery: true}
	o.Volume.Standby, o.Volume.Exact = true, true
}

type convergeCase struct {
	o    Observation
	want Step // Reason is not compared, of Problem only the reason
}

func runConverge(t *testing.T, cases map[string]convergeCase) {
	t.Helper()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Converge(tt.o)
			if got.Kind != tt.want.Kind || got.Primary != tt.want.Primary || problem(got) != problem(tt.want) {
				t.Errorf("%s %q (%s), problem %q; want %s %q, problem %q", got.Kind, got.Primary, got.Reason, problem(got),
					tt.want.Kind, tt.want.Primary, problem(tt.want))
			}
		})
	}
}

func problem(s Step) string {
	if s.Problem == nil {
		return ""
	}
	return s.Problem.Reason
}

func do(kind StepKind) Step                   { return Step{Kind: kind} }
func from(kind StepKind, primary string) Step { return Step{Kind: kind, Primary: primary} }
func fault(kind StepKind, reason string) Step {
	return Step{Kind: kind, Problem: &engine.Problem{Reason: reason}}
}
func down(o *Observation)                     { o.Server = Server{} }
func empty(o *Observation)                    { o.Volume, o.Server = Volume{Locked: true}, Server{} }
func unborn(o *Observation)                   { empty(o); o.Plan.SystemID, o.Standing.Found = "", true }
func exactAt(o *Observation, at engine.Point) { o.Volume.Point, o.Volume.Exact = at, true }
func stand(o *Observation, part engine.Part)  { o.Standing = engine.Standing{Part: part, Epoch: 5} }
func broken(o *Observation, rewound string)   { o.Volume.Broken, o.Volume.Rewound = true, rewound }
func rebuild(o *Observation, id, done string) {
	o.Plan.Rebuild, o.Volume.Rebuilt = &engine.Rebuild{ID: id, Member: me}, done
}

func TestAnEndingOrFencedMember(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"no lock, no touch": {
			asPrimary(func(o *Observation) { o.Volume.Locked = false }), fault(StepWait, v1alpha1.ReasonVolumeInUse),
		},
		"no lock does not hold up the end": {
			asPrimary(func(o *Observation) { o.Volume.Locked, o.Stopping = false, true }), do(StepExit),
		},
		"told to stop, the server goes": {
			asReplica(func(o *Observation) { o.Stopping = true }), do(StepStopServer),
		},
		"then the agent": {
			asReplica(func(o *Observation) { down(o); o.Stopping = true }), do(StepExit),
		},
		"one that resigns stops": {
			asPrimary(func(o *Observation) { stand(o, engine.PartResign) }), do(StepStopServer),
		},
		"and stays down": {
			asPrimary(func(o *Observation) { down(o); stand(o, engine.PartResign) }), do(StepWait),
		},
		"one that resigned ends": {
			asPrimary(func(o *Observation) { down(o); stand(o, engine.PartResign); o.Stopping = true }), do(StepExit),
		},
		"a fenced replica stops": {
			asReplica(func(o *Observation) { o.Plan.FencedMembers = []string{me} }), do(StepStopServer),
		},
		"and stays down while fenced": {
			asReplica(func(o *Observation) { down(o); o.Plan.FencedMembers = []string{me} }), do(StepWait),
		},
		"another's fence is another's": {
			asReplica(func(o *Observation) { o.Plan.FencedMembers = []string{other} }), do(StepTend),
		},
		"a fenced primary hands over first": {
			asPrimary(func(o *Observation) { o.Plan.FencedMembers = []string{me} }), do(StepTend),
		},
		"a stopped cluster's replica stops": {
			asReplica(func(o *Observation) { o.Plan.PowerState = v1alpha1.PowerStopped }), do(StepStopServer),
		},
		"foreign data never serves": {
			asPrimary(func(o *Observation) { o.Volume.SystemID = "8" }), fault(StepStopServer, v1alpha1.ReasonForeignData),
		},
		"foreign data is not overwritten": {
			asReplica(func(o *Observation) { down(o); o.Volume.SystemID = "8" }), fault(StepWait, v1alpha1.ReasonForeignData),
		},
		"before the election spoke, a server goes on": {
			asPrimary(func(o *Observation) { stand(o, "") }), do(StepWait),
		},
		"and none is started": {asPrimary(func(o *Observation) { down(o); stand(o, "") }), do(StepWait)},
	})
}

func TestAMemberThatReceivesFromNobody(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"nothing is known: how far does the data go": {asNobody(func(*Observation) {}), do(StepStartReplica)},
		"a position that is known needs no server": {
			asNobody(func(o *Observation) { exactAt(o, beginning) }), do(StepWait),
		},
		"without data there is nothing to find out": {asNobody(empty), do(StepWait)},
		"an old primary is stopped": {
			asPrimary(func(o *Observation) { stand(o, engine.PartNobody) }), do(StepStopServer),
		},
		"a voter stops receiving": {asReplica(func(o *Observation) { stand(o, engine.PartYield) }), do(StepFollow)},
		"even one that is starting": {
			asReplica(func(o *Observation) { stand(o, engine.PartYield); o.Server.Accepting = false }), do(StepFollow),
		},
		"then it waits": {asNobody(func(o *Observation) { detached(o); stand(o, engine.PartYield) }), do(StepWait)},
		"what is broken is not started": {
			asNobody(func(o *Observation) { broken(o, other) }), do(StepWait),
		},
	})
}

func TestAPrimary(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"at rest it is tended": {asPrimary(func(*Observation) {}), do(StepTend)},
		"the first data":       {asPrimary(unborn), do(StepInitialise)},
		"but only when the election says that there was none": {
			asPrimary(func(o *Observation) { unborn(o); o.Standing.Found = false }),
			fault(StepWait, v1alpha1.ReasonDataMissing),
		},
		"and the plan too": {
			asPrimary(func(o *Observation) { unborn(o); o.Plan.SystemID = "7" }),
			fault(StepWait, v1alpha1.ReasonDataMissing),
		},
		"a dead primary starts in place": {asPrimary(down), do(StepStartPrimary)},
		"a replica's data starts as one": {
			asPrimary(func(o *Observation) { down(o); o.Volume.Standby = true }), do(StepStartReplica),
		},
		"a starting one is waited for": {
			asPrimary(func(o *Observation) { o.Server.Accepting = false }), do(StepWait),
		},
		"it stops receiving first": {
			asReplica(func(o *Observation) { stand(o, engine.PartLead) }), do(StepFollow),
		},
		"then it applies all it has": {
			asPrimary(func(o *Observation) { detached(o); o.Volume.Exact = false }), do(StepWait),
		},
		"then it is promoted": {asPrimary(detached), do(StepPromote)},
		"another quorum is enforced": {
			asPrimary(func(o *Observation) { o.Server.Enforced = engine.Quorum{} }), do(StepEnforce),
		},
		"broken data is never a primary's": {
			asPrimary(func(o *Observation) { down(o); broken(o, other) }), do(StepWait),
		},
		"its turn to restart": {
			asPrimary(func(o *Observation) { o.Plan.RestartMember, o.Pending = me, []string{"max_connections"} }),
			do(StepStopServer),
		},
		"without a reason it does not restart": {
			asPrimary(func(o *Observation) { o.Plan.RestartMember = me }), do(StepTend),
		},
		"nor in another's turn": {
			asPrimary(func(o *Observation) { o.Plan.RestartMember, o.Pending = other, []string{"max_connections"} }),
			do(StepTend),
		},
	})
}

func TestAReplica(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"at rest it is tended":   {asReplica(func(*Observation) {}), do(StepTend)},
		"without data it copies": {asReplica(empty), from(StepClone, other)},
		"a primary that leads not yet is not copied": {
			asReplica(func(o *Observation) { empty(o); o.Primary.Leading = 0 }), do(StepWait),
		},
		"nor one of another database": {
			asReplica(func(o *Observation) { empty(o); o.Primary.SystemID = "8" }), do(StepWait),
		},
		"nor before the plan knows the database": {
			asReplica(func(o *Observation) { empty(o); o.Plan.SystemID, o.Primary.SystemID = "", "" }), do(StepWait),
		},
		"a new copy is asked for": {asReplica(func(o *Observation) { rebuild(o, "r2", "r1") }), do(StepStopServer)},
		"and made": {
			asReplica(func(o *Observation) { down(o); rebuild(o, "r2", "r1") }), from(StepClone, other),
		},
		"once": {asReplica(func(o *Observation) { rebuild(o, "r2", "r2") }), do(StepTend)},
		"a primary of nobody of the plan is not tended": {
			asReplica(func(o *Observation) { o.Plan.Members = o.Plan.Members[:1] }), do(StepWait),
		},
		"a starting one is waited for": {
			asReplica(func(o *Observation) { o.Server.Accepting = false }), do(StepWait),
		},
		"too far behind, it lets go": {
			asReplica(func(o *Observation) { o.Server.Streaming, o.Primary.Oldest = false, 95 }), do(StepFollow),
		},
		"not while it streams": {asReplica(func(o *Observation) { o.Primary.Oldest = 95 }), do(StepTend)},
		"a second primary is stopped": {
			asReplica(func(o *Observation) { o.Server.InRecovery = false }), do(StepStopServer),
		},
	})
}

func TestSettlingTheLineage(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"how far does the data go": {asReplica(down), do(StepStartReplica)},
		"another primary, so let go": {
			asReplica(func(o *Observation) { o.Server.Primary = third }), do(StepFollow),
		},
		"then all is applied": {
			asReplica(func(o *Observation) { detached(o); o.Volume.Exact = false }), do(StepWait),
		},
		"then the promotion is awaited": {
			asReplica(func(o *Observation) { detached(o); o.Primary.Leading = 0 }), do(StepWait),
		},
		"a beginning follows": {asReplica(detached), from(StepFollow, other)},
		"from standing still it starts": {
			asReplica(func(o *Observation) { down(o); exactAt(o, beginning) }), from(StepStartReplica, other),
		},
		"to change its data it stops": {
			asReplica(func(o *Observation) { detached(o); exactAt(o, diverged) }), do(StepStopServer),
		},
		"what diverged is rewound": {
			asReplica(func(o *Observation) { down(o); exactAt(o, diverged) }), from(StepRewind, other),
		},
		"not before the primary's checkpoint": {
			asReplica(func(o *Observation) { down(o); exactAt(o, diverged); o.Primary.Checkpointed = false }), do(StepWait),
		},
		"equal timeline numbers are copied anew": {
			asReplica(func(o *Observation) { down(o); exactAt(o, ambiguous) }), from(StepClone, other),
		},
		"so is what lies too far behind": {
			asReplica(func(o *Observation) { down(o); exactAt(o, beginning); o.Primary.Oldest = 95 }), from(StepClone, other),
		},
		"but not from another database": {
			asReplica(func(o *Observation) { down(o); exactAt(o, ambiguous); o.Primary.SystemID = "8" }), do(StepWait),
		},
	})
}

func TestWhatARewindLeaves(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"it follows whom it was rewound to": {
			asReplica(func(o *Observation) { down(o); broken(o, other) }), from(StepStartReplica, other),
		},
		"and comes up": {
			asReplica(func(o *Observation) { o.Server.Accepting = false; broken(o, other) }), do(StepWait),
		},
		"under another primary it stops": {
			asReplica(func(o *Observation) { broken(o, third) }), do(StepStopServer),
		},
		"and is copied anew": {
			asReplica(func(o *Observation) { down(o); broken(o, third) }), from(StepClone, other),
		},
		"so is half a rewind": {asReplica(func(o *Observation) { down(o); broken(o, "") }), from(StepClone, other)},
		"when there is one to copy from": {
			asReplica(func(o *Observation) { down(o); broken(o, ""); o.Primary = PrimaryState{} }), do(StepWait),
		},
		"half a rewind has no primary of no name": {
			asReplica(func(o *Observation) { down(o); broken(o, ""); o.Standing.Primary = "" }), do(StepWait),
		},
	})
}
