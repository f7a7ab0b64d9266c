// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// StepKind is one thing that an agent can do.
type StepKind string

// The steps, from the most careful to the most daring.
const (
	// StepWait does nothing; an event or the next tick will bring something new.
	StepWait StepKind = "Wait"
	// StepStopServer stops the engine cleanly.
	StepStopServer StepKind = "StopServer"
	// StepExit ends the agent; the engine is down.
	StepExit StepKind = "Exit"
	// StepInitialise makes new data.
	StepInitialise StepKind = "Initialise"
	// StepClone copies the data of Step.Primary; what was there before is gone.
	StepClone StepKind = "Clone"
	// StepRewind takes back what this member wrote and Step.Primary never had.
	StepRewind StepKind = "Rewind"
	// StepStartPrimary starts the engine on its data as primary.
	StepStartPrimary StepKind = "StartPrimary"
	// StepStartReplica starts the engine as a replica of Step.Primary; of nobody when that is "".
	StepStartReplica StepKind = "StartReplica"
	// StepFollow makes a running replica receive from Step.Primary; from nobody when that is "".
	StepFollow StepKind = "Follow"
	// StepPromote makes a running replica primary.
	StepPromote StepKind = "Promote"
	// StepEnforce makes writes wait for the standing's quorum.
	StepEnforce StepKind = "Enforce"
	// StepTend keeps a running engine as the plan says: settings, logins, databases, slots.
	StepTend StepKind = "Tend"
)

// Step is what a pass of an agent does.
type Step struct {
	// Kind is the thing to do.
	Kind StepKind
	// Primary is the member to copy from or to follow.
	Primary string
	// Reason is why, for the log.
	Reason string
	// Problem is what the member reports; nil when nothing keeps it from its part.
	Problem *engine.Problem
}

// rule looks at one thing. It gives a step, or ok false when the next rule is to be asked.
type rule func(o Observation) (step Step, ok bool)

// rules are asked in order, and the first that has a step wins. What keeps data safe comes first, then the parts that
// the election gives. The list is the runbook of a member.
var rules = []rule{
	touchNothingWithoutTheLock,
	resign,
	stopWhenTold,
	stayDownWhenToldTo,
	refuseForeignData,
	waitForTheElection,
	initialiseOnce,
	neverInitialiseAgain,
	beNobodysPrimary,
	copyWhatIsBroken,
	receiveFromNobody,
	restartForParameters,
	serveAsPrimary,
	copyFromThePrimary,
	settleLineage,
	followThePrimary,
}

// Converge decides what a member does next. It is pure: the same observation gives the same step.
func Converge(o Observation) Step {
	for _, r := range rules {
		if step, ok := r(o); ok {
			return step
		}
	}
	return Step{Kind: StepWait, Reason: "nothing is to be done"}
}

// touchNothingWithoutTheLock: two engines on one volume destroy it (PROTOCOL I11).
func touchNothingWithoutTheLock(o Observation) (Step, bool) {
	switch {
	case o.Volume.Locked:
		return Step{}, false
	case o.Stopping:
		return Step{Kind: StepExit, Reason: "the pod is ending"}, true
	}
	return Step{Kind: StepWait, Reason: "another process holds the volume's lock", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonVolumeInUse, Message: "another process still holds the lock of the volume",
	}}, true
}

// resign stops the engine for another to be primary. The election waits for it, so it comes before the end of the pod.
func resign(o Observation) (Step, bool) {
	switch {
	case o.Standing.Part != engine.PartResign || (o.Stopping && !o.Server.Running):
		return Step{}, false
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "another member is to be primary"}, true
	}
	return Step{Kind: StepWait, Reason: "another member is to be primary"}, true
}

func stopWhenTold(o Observation) (Step, bool) {
	switch {
	case !o.Stopping:
		return Step{}, false
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "the pod is ending"}, true
	}
	return Step{Kind: StepExit, Reason: "the pod is ending"}, true
}

// stayDownWhenToldTo leaves a primary to the election, which hands over first.
func stayDownWhenToldTo(o Observation) (Step, bool) {
	stopped := o.Plan.PowerState == v1alpha1.PowerStopped
	if o.Standing.Part == engine.PartLead || (!stopped && !slices.Contains(o.Plan.FencedMembers, o.Member)) {
		return Step{}, false
	}
	if o.Server.Running {
		return Step{Kind: StepStopServer, Reason: "the plan wants the engine down"}, true
	}
	return Step{Kind: StepWait, Reason: "the plan wants the engine down"}, true
}

// foreign says whether the volume has the data of another database.
func foreign(o Observation) bool {
	return o.Plan.SystemID != "" && o.Volume.HasData && o.Volume.SystemID != o.Plan.SystemID
}

// refuseForeignData: a volume with the data of another database must neither serve nor be overwritten.
func refuseForeignData(o Observation) (Step, bool) {
	if !foreign(o) {
		return Step{}, false
	}
	step := Step{Kind: StepWait, Reason: "the volume has the data of another database", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonForeignData, Message: fmt.Sprintf(
			"the volume holds data with system ID %s, the cluster's is %s", o.Volume.SystemID, o.Plan.SystemID),
	}}
	if o.Server.Running {
		step.Kind = StepStopServer
	}
	return step, true
}

// waitForTheElection: until something is known of the Lease, an engine that runs goes on as it is, and one that does
// not stays down.
func waitForTheElection(o Observation) (Step, bool) {
	return Step{Kind: StepWait, Reason: "the election has not spoken yet"}, o.Standing.Part == ""
}

// initialiseOnce makes data only where the election says that there never was any.
func initialiseOnce(o Observation) (Step, bool) {
	if o.Standing.Part != engine.PartLead || !o.Standing.Found || o.Volume.HasData || o.Plan.SystemID != "" {
		return Step{}, false
	}
	return Step{Kind: StepInitialise, Reason: "no data was ever made"}, true
}

// neverInitialiseAgain: a primary without data has lost it, and new data would hide that.
func neverInitialiseAgain(o Observation) (Step, bool) {
	if o.Volume.HasData || o.Standing.Part != engine.PartLead {
		return Step{}, false
	}
	return Step{Kind: StepWait, Reason: "the data is gone", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonDataMissing, Message: "this member is primary, but its volume has no data",
	}}, true
}

// beNobodysPrimary stops an engine that accepts writes when the election does not ask for it.
func beNobodysPrimary(o Observation) (Step, bool) {
	if o.Standing.Part == engine.PartLead || !o.Server.Accepting || o.Server.InRecovery {
		return Step{}, false
	}
	return Step{Kind: StepStopServer, Reason: "this member is not primary"}, true
}

// copyWhatIsBroken: a rewind whose result the engine has not come up on yet is neither the old data nor the new. It can
// follow the very primary that it was made from, and nobody else.
func copyWhatIsBroken(o Observation) (Step, bool) {
	primary := o.Standing.Primary
	follows := o.Standing.Part == engine.PartFollow && primary != "" && o.Volume.Rewound == primary
	switch {
	case !o.Volume.Broken:
		return Step{}, false
	case follows && !o.Server.Running:
		return Step{Kind: StepStartReplica, Primary: primary, Reason: "its data was rewound to the primary's"}, true
	case follows && o.Server.Primary == primary:
		return Step{Kind: StepWait, Reason: "the engine comes up on what was rewound"}, true
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "a rewind was not completed"}, true
	case o.Standing.Part == engine.PartFollow && canCopy(o):
		return Step{Kind: StepClone, Primary: primary, Reason: "a rewind was not completed"}, true
	}
	return Step{Kind: StepWait, Reason: "a rewind was not completed, and there is no primary to copy from"}, true
}

// receiveFromNobody keeps a promise, or finds out how far the data goes: a member that has yet to settle whom it may
// follow, an old primary above all, starts as a replica of nobody (PROTOCOL I8).
func receiveFromNobody(o Observation) (Step, bool) {
	if o.Standing.Part != engine.PartNobody && o.Standing.Part != engine.PartYield {
		return Step{}, false
	}
	switch {
	case !o.Volume.HasData:
		return Step{Kind: StepWait, Reason: "there is no data, and no primary to copy from"}, true
	case !o.Server.Running && !o.Volume.Exact:
		return Step{Kind: StepStartReplica, Reason: "to find out how far the data goes"}, true
	case o.Server.Running && o.Server.Primary != "":
		return Step{Kind: StepFollow, Reason: "nobody may be received from now"}, true
	}
	return Step{Kind: StepWait, Reason: "nobody may be received from now"}, true
}

// restartForParameters restarts the engine in place, when it is this member's turn.
func restartForParameters(o Observation) (Step, bool) {
	if o.Plan.RestartMember != o.Member || len(o.Pending) == 0 || !o.Server.Accepting {
		return Step{}, false
	}
	return Step{Kind: StepStopServer, Reason: fmt.Sprintf("to start again with %v", o.Pending)}, true
}

func serveAsPrimary(o Observation) (Step, bool) {
	switch s := o.Server; {
	case o.Standing.Part != engine.PartLead:
		return Step{}, false
	case !s.Running && o.Volume.Standby:
		return Step{Kind: StepStartReplica, Reason: "to be promoted"}, true
	case !s.Running:
		return Step{Kind: StepStartPrimary, Reason: "this member holds the Lease"}, true
	case !s.Accepting:
		return Step{Kind: StepWait, Reason: "the engine is starting"}, true
	case s.InRecovery && s.Primary != "":
		return Step{Kind: StepFollow, Reason: "to be promoted"}, true
	case s.InRecovery && !o.Volume.Exact:
		return Step{Kind: StepWait, Reason: "not all is applied yet"}, true
	case s.InRecovery:
		return Step{Kind: StepPromote, Reason: "this member was elected"}, true
	case !s.Enforced.Equal(o.Standing.Quorum):
		return Step{Kind: StepEnforce, Reason: "writes must wait for " + o.Standing.Quorum.String()}, true
	}
	return Step{Kind: StepTend, Reason: "primary"}, true
}

// canCopy says whether the primary's data may be copied: it must have a host in the plan, and without the plan's system
// ID nobody could tell whether it is this cluster's (PROTOCOL I10).
func canCopy(o Observation) bool {
	_, planned := o.Plan.Member(o.Standing.Primary)
	return planned && inTenure(o) && o.Plan.SystemID != "" && o.Primary.SystemID == o.Plan.SystemID
}

// inTenure says whether the primary accepts writes in the very tenure that the election speaks of: one that says so of
// another is not that primary.
func inTenure(o Observation) bool {
	return o.Primary.Known && o.Primary.Leading > 0 && o.Primary.Leading == o.Standing.Epoch
}

// noted says whether the member's data knows of the primary's last promotion.
func noted(o Observation) bool {
	return !canCopy(o) || o.Volume.Point.Lineage.Epoch() == o.Primary.Lineage.Epoch()
}

func copyFromThePrimary(o Observation) (Step, bool) {
	rebuild := o.Plan.Rebuild != nil && o.Plan.Rebuild.Member == o.Member && o.Plan.Rebuild.ID != o.Volume.Rebuilt
	switch {
	case o.Volume.HasData && !rebuild:
		return Step{}, false
	case !canCopy(o):
		return Step{Kind: StepWait, Reason: "there is no primary to copy from yet"}, true
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "a new copy was asked for"}, true
	}
	return Step{Kind: StepClone, Primary: o.Standing.Primary, Reason: "a replica is a copy of the primary"}, true
}

// settleLineage finds out what a member must do before it may follow (PROTOCOL I6b). Its position must stand still for
// that: a server that runs is asked, and stopped when its data has to change.
func settleLineage(o Observation) (Step, bool) {
	primary := o.Standing.Primary
	switch {
	case o.Server.Running && o.Server.Primary == primary && noted(o):
		return Step{}, false
	case !o.Server.Running && !o.Volume.Exact:
		return Step{Kind: StepStartReplica, Reason: "to find out how far the data goes"}, true
	case o.Server.Running && o.Server.Primary != "":
		return Step{Kind: StepFollow, Reason: "the primary changed, or was promoted anew"}, true
	case !o.Volume.Exact:
		return Step{Kind: StepWait, Reason: "not all is applied yet"}, true
	case !inTenure(o):
		return Step{Kind: StepWait, Reason: "the new primary is not promoted yet"}, true
	}
	return settle(o, o.Volume.Point.Relate(o.Primary.Lineage)), true
}

// settle makes the data such that it can follow.
func settle(o Observation, r engine.Relation) Step {
	primary := o.Standing.Primary
	if r == engine.RelationFollow && canCopy(o) && o.Volume.Point.Position < o.Primary.Oldest {
		r = engine.RelationClone // the primary no longer has what comes next
	}
	switch {
	case r == engine.RelationFollow && o.Server.Running:
		return Step{Kind: StepFollow, Primary: primary, Reason: "its data is a beginning of the primary's"}
	case r == engine.RelationFollow:
		return Step{Kind: StepStartReplica, Primary: primary, Reason: "its data is a beginning of the primary's"}
	case !canCopy(o):
		return Step{Kind: StepWait, Reason: "the primary cannot be copied from yet"}
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "its data has left the primary's history"}
	case r == engine.RelationClone:
		return Step{Kind: StepClone, Primary: primary, Reason: "its data cannot be brought level with the primary's"}
	case !o.Primary.Checkpointed:
		return Step{Kind: StepWait, Reason: "the primary's first checkpoint is awaited, without which a rewind sees nothing"}
	}
	return Step{Kind: StepRewind, Primary: primary, Reason: "its data has left the primary's history"}
}

func followThePrimary(o Observation) (Step, bool) {
	if _, planned := o.Plan.Member(o.Standing.Primary); !planned {
		return Step{Kind: StepWait, Reason: "the Lease names nobody of the plan"}, true
	}
	switch {
	case !o.Server.Running:
		return Step{}, false // settleLineage starts it
	case !o.Server.Accepting:
		return Step{Kind: StepWait, Reason: "the engine is starting"}, true
	case tooFarBehind(o):
		return Step{Kind: StepFollow, Reason: "the primary no longer has what comes next"}, true
	}
	return Step{Kind: StepTend, Reason: "replica"}, true
}

// tooFarBehind says that the primary has thrown away the log that this member needs next.
func tooFarBehind(o Observation) bool {
	return !o.Server.Streaming && canCopy(o) && o.Volume.Point.Position < o.Primary.Oldest
}

// Slot is the name of the replication slot that the primary keeps for a member. Slot names know no '-'.
func Slot(cluster, member string) string {
	ordinal, _ := resource.Ordinal(cluster, member)
	return fmt.Sprintf("atlasdb_%d", ordinal)
}
