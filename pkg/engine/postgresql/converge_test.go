// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
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
	leading    = runbook.PrimaryState{
		Known: true, Leading: 5, SystemID: "7", Lineage: primaryLineage, Engine: PeerState{Checkpointed: true}.Encode(),
	}
)

// asPrimary is an observation of a primary at rest; change makes it another.
func asPrimary(change func(*observation)) observation {
	o := observation{
		Member: me,
		Plan: engine.Plan{
			Cluster: "orders", SystemID: "7", PowerState: v1alpha1.PowerRunning,
			Members: []engine.PlanMember{{Name: me}, {Name: other}, {Name: third}},
		},
		Standing: engine.Standing{Part: engine.PartLead, Epoch: 5, Quorum: fullQuorum},
		Volume:   runbook.Volume{Locked: true, HasData: true, SystemID: "7", Point: beginning},
		Server:   runbook.Server{Running: true, Accepting: true, Enforced: fullQuorum},
	}
	change(&o)
	return o
}

// asReplica is an observation of a replica at rest.
func asReplica(change func(*observation)) observation {
	return asPrimary(func(o *observation) {
		o.Standing = engine.Standing{Part: engine.PartFollow, Epoch: 5, Primary: other}
		o.Primary, o.Volume.Standby = leading, true
		o.Volume.Point.Lineage = primaryLineage // noted, although not reached yet
		o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true, Primary: other, Streaming: true}
		change(o)
	})
}

// asNobody is an observation of a member that is down and that the election has told to receive from nobody.
func asNobody(change func(*observation)) observation {
	return asPrimary(func(o *observation) {
		o.Standing, o.Server = engine.Standing{Part: engine.PartNobody}, runbook.Server{}
		change(o)
	})
}

// detached makes a member a replica of nobody that has applied all it has.
func detached(o *observation) {
	o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true}
	o.Volume.Standby, o.Volume.Exact = true, true
}

type convergeCase struct {
	o    observation
	want step // Reason is not compared, of Problem only the reason
}

func runConverge(t *testing.T, cases map[string]convergeCase) {
	t.Helper()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runbook.Converge(Runbook, tt.o)
			if got.Kind != tt.want.Kind || got.Primary != tt.want.Primary || problem(got) != problem(tt.want) {
				t.Errorf("%s %q (%s), problem %q; want %s %q, problem %q", got.Kind, got.Primary, got.Reason, problem(got),
					tt.want.Kind, tt.want.Primary, problem(tt.want))
			}
		})
	}
}

func problem(s step) string {
	if s.Problem == nil {
		return ""
	}
	return s.Problem.Reason
}

func do(kind runbook.StepKind) step                   { return step{Kind: kind} }
func from(kind runbook.StepKind, primary string) step { return step{Kind: kind, Primary: primary} }
func fault(kind runbook.StepKind, reason string) step {
	return step{Kind: kind, Problem: &engine.Problem{Reason: reason}}
}
func down(o *observation)                     { o.Server = runbook.Server{} }
func empty(o *observation)                    { o.Volume, o.Server = runbook.Volume{Locked: true}, runbook.Server{} }
func unborn(o *observation)                   { empty(o); o.Plan.SystemID, o.Standing.Found = "", true }
func exactAt(o *observation, at engine.Point) { o.Volume.Point, o.Volume.Exact = at, true }
func stand(o *observation, part engine.Part)  { o.Standing = engine.Standing{Part: part, Epoch: 5} }
func broken(o *observation, rewound string)   { o.Volume.Broken, o.Volume.Rewound = true, rewound }
func rebuild(o *observation, id, done string) {
	o.Plan.Rebuild, o.Volume.Rebuilt = &engine.Rebuild{ID: id, Member: me}, done
}

func TestAnEndingOrFencedMember(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"no lock, no touch": {
			asPrimary(func(o *observation) { o.Volume.Locked = false }), fault(runbook.StepWait, v1alpha1.ReasonVolumeInUse),
		},
		"no lock does not hold up the end": {
			asPrimary(func(o *observation) { o.Volume.Locked, o.Stopping = false, true }), do(runbook.StepExit),
		},
		"told to stop, the server goes": {
			asReplica(func(o *observation) { o.Stopping = true }), do(runbook.StepStopServer),
		},
		"then the agent": {
			asReplica(func(o *observation) { down(o); o.Stopping = true }), do(runbook.StepExit),
		},
		"one that resigns stops": {
			asPrimary(func(o *observation) { stand(o, engine.PartResign) }), do(runbook.StepStopServer),
		},
		"and stays down": {
			asPrimary(func(o *observation) { down(o); stand(o, engine.PartResign) }), do(runbook.StepWait),
		},
		"one that resigned ends": {
			asPrimary(func(o *observation) { down(o); stand(o, engine.PartResign); o.Stopping = true }), do(runbook.StepExit),
		},
		"a fenced replica stops": {
			asReplica(func(o *observation) { o.Plan.FencedMembers = []string{me} }), do(runbook.StepStopServer),
		},
		"and stays down while fenced": {
			asReplica(func(o *observation) { down(o); o.Plan.FencedMembers = []string{me} }), do(runbook.StepWait),
		},
		"another's fence is another's": {
			asReplica(func(o *observation) { o.Plan.FencedMembers = []string{other} }), do(runbook.StepTend),
		},
		"a fenced primary hands over first": {
			asPrimary(func(o *observation) { o.Plan.FencedMembers = []string{me} }), do(runbook.StepTend),
		},
		"a stopped cluster's replica stops": {
			asReplica(func(o *observation) { o.Plan.PowerState = v1alpha1.PowerStopped }), do(runbook.StepStopServer),
		},
		"foreign data never serves": {
			asPrimary(func(o *observation) { o.Volume.SystemID = "8" }),
			fault(runbook.StepStopServer, v1alpha1.ReasonForeignData),
		},
		"foreign data is not overwritten": {
			asReplica(func(o *observation) { down(o); o.Volume.SystemID = "8" }),
			fault(runbook.StepWait, v1alpha1.ReasonForeignData),
		},
		"before the election spoke, a server goes on": {
			asPrimary(func(o *observation) { stand(o, "") }), do(runbook.StepWait),
		},
		"and none is started": {asPrimary(func(o *observation) { down(o); stand(o, "") }), do(runbook.StepWait)},
	})
}

func TestAMemberThatReceivesFromNobody(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"nothing is known: how far does the data go": {asNobody(func(*observation) {}), do(runbook.StepStartReplica)},
		"a position that is known needs no server": {
			asNobody(func(o *observation) { exactAt(o, beginning) }), do(runbook.StepWait),
		},
		"without data there is nothing to find out": {asNobody(empty), do(runbook.StepWait)},
		"an old primary is stopped": {
			asPrimary(func(o *observation) { stand(o, engine.PartNobody) }), do(runbook.StepStopServer),
		},
		"a voter stops receiving": {asReplica(func(o *observation) { stand(o, engine.PartYield) }), do(runbook.StepFollow)},
		"even one that is starting": {
			asReplica(func(o *observation) { stand(o, engine.PartYield); o.Server.Accepting = false }), do(runbook.StepFollow),
		},
		"then it waits": {asNobody(func(o *observation) { detached(o); stand(o, engine.PartYield) }), do(runbook.StepWait)},
		"what is broken is not started": {
			asNobody(func(o *observation) { broken(o, other) }), do(runbook.StepWait),
		},
	})
}

func TestAPrimary(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"at rest it is tended": {asPrimary(func(*observation) {}), do(runbook.StepTend)},
		"the first data":       {asPrimary(unborn), do(runbook.StepInitialise)},
		"but only when the election says that there was none": {
			asPrimary(func(o *observation) { unborn(o); o.Standing.Found = false }),
			fault(runbook.StepWait, v1alpha1.ReasonDataMissing),
		},
		"and the plan too": {
			asPrimary(func(o *observation) { unborn(o); o.Plan.SystemID = "7" }),
			fault(runbook.StepWait, v1alpha1.ReasonDataMissing),
		},
		"a dead primary starts in place": {asPrimary(down), do(runbook.StepStartPrimary)},
		"a replica's data starts as one": {
			asPrimary(func(o *observation) { down(o); o.Volume.Standby = true }), do(runbook.StepStartReplica),
		},
		"a starting one is waited for": {
			asPrimary(func(o *observation) { o.Server.Accepting = false }), do(runbook.StepWait),
		},
		"it stops receiving first": {
			asReplica(func(o *observation) { stand(o, engine.PartLead) }), do(runbook.StepFollow),
		},
		"then it applies all it has": {
			asPrimary(func(o *observation) { detached(o); o.Volume.Exact = false }), do(runbook.StepWait),
		},
		"then it is promoted": {asPrimary(detached), do(runbook.StepPromote)},
		"another quorum is enforced": {
			asPrimary(func(o *observation) { o.Server.Enforced = engine.Quorum{} }), do(runbook.StepEnforce),
		},
		"broken data is never a primary's": {
			asPrimary(func(o *observation) { down(o); broken(o, other) }), do(runbook.StepWait),
		},
		"its turn to restart": {
			asPrimary(func(o *observation) { o.Plan.RestartMember, o.Pending = me, []string{"max_connections"} }),
			do(runbook.StepStopServer),
		},
		"without a reason it does not restart": {
			asPrimary(func(o *observation) { o.Plan.RestartMember = me }), do(runbook.StepTend),
		},
		"nor in another's turn": {
			asPrimary(func(o *observation) { o.Plan.RestartMember, o.Pending = other, []string{"max_connections"} }),
			do(runbook.StepTend),
		},
	})
}

func TestAReplica(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"at rest it is tended":   {asReplica(func(*observation) {}), do(runbook.StepTend)},
		"without data it copies": {asReplica(empty), from(runbook.StepClone, other)},
		"a primary that leads not yet is not copied": {
			asReplica(func(o *observation) { empty(o); o.Primary.Leading = 0 }), do(runbook.StepWait),
		},
		"nor one of another database": {
			asReplica(func(o *observation) { empty(o); o.Primary.SystemID = "8" }), do(runbook.StepWait),
		},
		"nor before the plan knows the database": {
			asReplica(func(o *observation) { empty(o); o.Plan.SystemID, o.Primary.SystemID = "", "" }), do(runbook.StepWait),
		},
		"a new copy is asked for": {asReplica(func(o *observation) { rebuild(o, "r2", "r1") }), do(runbook.StepStopServer)},
		"and made": {
			asReplica(func(o *observation) { down(o); rebuild(o, "r2", "r1") }), from(runbook.StepClone, other),
		},
		"once": {asReplica(func(o *observation) { rebuild(o, "r2", "r2") }), do(runbook.StepTend)},
		"a primary of nobody of the plan is not tended": {
			asReplica(func(o *observation) { o.Plan.Members = o.Plan.Members[:1] }), do(runbook.StepWait),
		},
		"a starting one is waited for": {
			asReplica(func(o *observation) { o.Server.Accepting = false }), do(runbook.StepWait),
		},
		"too far behind, it lets go": {
			asReplica(func(o *observation) { o.Server.Streaming = false; tells(o, PeerState{Oldest: 95}) }),
			do(runbook.StepFollow),
		},
		"not while it streams": {asReplica(func(o *observation) { tells(o, PeerState{Oldest: 95}) }), do(runbook.StepTend)},
		"a second primary is stopped": {
			asReplica(func(o *observation) { o.Server.InRecovery = false }), do(runbook.StepStopServer),
		},
	})
}

func TestSettlingTheLineage(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"how far does the data go": {asReplica(down), do(runbook.StepStartReplica)},
		"another primary, so let go": {
			asReplica(func(o *observation) { o.Server.Primary = third }), do(runbook.StepFollow),
		},
		"then all is applied": {
			asReplica(func(o *observation) { detached(o); o.Volume.Exact = false }), do(runbook.StepWait),
		},
		"then the promotion is awaited": {
			asReplica(func(o *observation) { detached(o); o.Primary.Leading = 0 }), do(runbook.StepWait),
		},
		"a beginning follows": {asReplica(detached), from(runbook.StepFollow, other)},
		"from standing still it starts": {
			asReplica(func(o *observation) { down(o); exactAt(o, beginning) }), from(runbook.StepStartReplica, other),
		},
		"to change its data it stops": {
			asReplica(func(o *observation) { detached(o); exactAt(o, diverged) }), do(runbook.StepStopServer),
		},
		"what diverged is rewound": {
			asReplica(func(o *observation) { down(o); exactAt(o, diverged) }), from(runbook.StepRewind, other),
		},
		"not before the primary's checkpoint": {
			asReplica(func(o *observation) { down(o); exactAt(o, diverged); tells(o, PeerState{}) }), do(runbook.StepWait),
		},
		"equal timeline numbers are copied anew": {
			asReplica(func(o *observation) { down(o); exactAt(o, ambiguous) }), from(runbook.StepClone, other),
		},
		"so is what lies too far behind": {
			asReplica(func(o *observation) { down(o); exactAt(o, beginning); tells(o, PeerState{Oldest: 95}) }),
			from(runbook.StepClone, other),
		},
		"but not from another database": {
			asReplica(func(o *observation) { down(o); exactAt(o, ambiguous); o.Primary.SystemID = "8" }), do(runbook.StepWait),
		},
	})
}

func TestWhatARewindLeaves(t *testing.T) {
	t.Parallel()
	runConverge(t, map[string]convergeCase{
		"it follows whom it was rewound to": {
			asReplica(func(o *observation) { down(o); broken(o, other) }), from(runbook.StepStartReplica, other),
		},
		"and comes up": {
			asReplica(func(o *observation) { o.Server.Accepting = false; broken(o, other) }), do(runbook.StepWait),
		},
		"under another primary it stops": {
			asReplica(func(o *observation) { broken(o, third) }), do(runbook.StepStopServer),
		},
		"and is copied anew": {
			asReplica(func(o *observation) { down(o); broken(o, third) }), from(runbook.StepClone, other),
		},
		"so is half a rewind": {asReplica(func(o *observation) { down(o); broken(o, "") }), from(runbook.StepClone, other)},
		"when there is one to copy from": {
			asReplica(func(o *observation) { down(o); broken(o, ""); o.Primary = runbook.PrimaryState{} }), do(runbook.StepWait),
		},
		"half a rewind has no primary of no name": {
			asReplica(func(o *observation) { down(o); broken(o, ""); o.Standing.Primary = "" }), do(runbook.StepWait),
		},
	})
}

// tells is what the primary's agent says of its server.
func tells(o *observation, s PeerState) { o.Primary.Engine = s.Encode() }
