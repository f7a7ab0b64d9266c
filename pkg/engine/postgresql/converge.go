// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// The words of the runbook, as the rules of this package say them.
type (
	observation = runbook.Observation
	step        = runbook.Step
)

// Runbook are the rules of a PostgreSQL member, asked in order. What keeps data safe comes first, then the parts that
// the election gives.
var Runbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	runbook.Resign,
	runbook.StopWhenTold,
	runbook.StayDownWhenToldTo,
	runbook.RefuseForeignData,
	runbook.WaitForTheElection,
	runbook.InitialiseOnce,
	runbook.NeverInitialiseAgain,
	runbook.BeNobodysPrimary,
	copyWhatIsBroken,
	runbook.ReceiveFromNobody,
	runbook.RestartForParameters,
	runbook.ServeAsPrimary,
	runbook.CopyFromThePrimary,
	settleLineage,
	followThePrimary,
}

// primaryOf is what the primary's agent told of its server.
func primaryOf(o observation) PeerState { return DecodePeerState(o.Primary.Engine) }

// noted says whether the member's data knows of the primary's last promotion.
func noted(o observation) bool {
	return !runbook.CanCopy(o) || o.Volume.Point.Lineage.Epoch() == o.Primary.Lineage.Epoch()
}

// copyWhatIsBroken: a rewind whose result the engine has not come up on yet is neither the old data nor the new. It can
// follow the very primary that it was made from, and nobody else.
func copyWhatIsBroken(o observation) (step, bool) {
	primary := o.Standing.Primary
	follows := o.Standing.Part == engine.PartFollow && primary != "" && o.Volume.Rewound == primary
	switch {
	case !o.Volume.Broken:
		return step{}, false
	case follows && !o.Server.Running:
		return step{Kind: runbook.StepStartReplica, Primary: primary, Reason: "its data was rewound to the primary's"}, true
	case follows && o.Server.Primary == primary:
		return step{Kind: runbook.StepWait, Reason: "the engine comes up on what was rewound"}, true
	case o.Server.Running:
		return step{Kind: runbook.StepStopServer, Reason: "a rewind was not completed"}, true
	case o.Standing.Part == engine.PartFollow && runbook.CanCopy(o):
		return step{Kind: runbook.StepClone, Primary: primary, Reason: "a rewind was not completed"}, true
	}
	return step{Kind: runbook.StepWait, Reason: "a rewind was not completed, and there is no primary to copy from"}, true
}

// settleLineage finds out what a member must do before it may follow (PROTOCOL I6b). Its position must stand still for
// that: a server that runs is asked, and stopped when its data has to change.
func settleLineage(o observation) (step, bool) {
	primary := o.Standing.Primary
	switch {
	case o.Server.Running && o.Server.Primary == primary && noted(o):
		return step{}, false
	case !o.Server.Running && !o.Volume.Exact:
		return step{Kind: runbook.StepStartReplica, Reason: "to find out how far the data goes"}, true
	case o.Server.Running && o.Server.Primary != "":
		return step{Kind: runbook.StepFollow, Reason: "the primary changed, or was promoted anew"}, true
	case !o.Volume.Exact:
		return step{Kind: runbook.StepWait, Reason: "not all is applied yet"}, true
	case !runbook.InTenure(o):
		return step{Kind: runbook.StepWait, Reason: "the new primary is not promoted yet"}, true
	}
	return settle(o, o.Volume.Point.Relate(o.Primary.Lineage)), true
}

// settle makes the data such that it can follow.
func settle(o observation, r engine.Relation) step {
	primary := o.Standing.Primary
	if r == engine.RelationFollow && runbook.CanCopy(o) && o.Volume.Point.Position < primaryOf(o).Oldest {
		r = engine.RelationClone // the primary no longer has what comes next
	}
	switch {
	case r == engine.RelationFollow && o.Server.Running:
		return step{Kind: runbook.StepFollow, Primary: primary, Reason: "its data is a beginning of the primary's"}
	case r == engine.RelationFollow:
		return step{Kind: runbook.StepStartReplica, Primary: primary, Reason: "its data is a beginning of the primary's"}
	case !runbook.CanCopy(o):
		return step{Kind: runbook.StepWait, Reason: "the primary cannot be copied from yet"}
	case o.Server.Running:
		return step{Kind: runbook.StepStopServer, Reason: "its data has left the primary's history"}
	case r == engine.RelationClone:
		return step{Kind: runbook.StepClone, Primary: primary, Reason: "its data cannot be brought level with the primary's"}
	case !primaryOf(o).Checkpointed:
		return step{Kind: runbook.StepWait, Reason: "a rewind sees nothing before the primary's first checkpoint"}
	}
	return step{Kind: runbook.StepRewind, Primary: primary, Reason: "its data has left the primary's history"}
}

func followThePrimary(o observation) (step, bool) {
	if _, planned := o.Plan.Member(o.Standing.Primary); !planned {
		return step{Kind: runbook.StepWait, Reason: "the Lease names nobody of the plan"}, true
	}
	switch {
	case !o.Server.Running:
		return step{}, false // settleLineage starts it
	case !o.Server.Accepting:
		return step{Kind: runbook.StepWait, Reason: "the engine is starting"}, true
	case tooFarBehind(o):
		return step{Kind: runbook.StepFollow, Reason: "the primary no longer has what comes next"}, true
	}
	return step{Kind: runbook.StepTend, Reason: "replica"}, true
}

// tooFarBehind says that the primary has thrown away the log that this member needs next.
func tooFarBehind(o observation) bool {
	return !o.Server.Streaming && runbook.CanCopy(o) && o.Volume.Point.Position < primaryOf(o).Oldest
}

// Slot is the name of the replication slot that the primary keeps for a member. Slot names know no '-'.
func Slot(cluster, member string) string {
	ordinal, _ := resource.Ordinal(cluster, member)
	return fmt.Sprintf("atlasdb_%d", ordinal)
}
