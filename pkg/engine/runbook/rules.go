// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"fmt"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TouchNothingWithoutTheLock waits for the volume: two engines on one volume destroy it (PROTOCOL I11).
func TouchNothingWithoutTheLock(o Observation) (Step, bool) {
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

// Resign stops the engine for another to be primary. The election waits for it, so it comes before the end of the pod.
func Resign(o Observation) (Step, bool) {
	switch {
	case o.Standing.Part != engine.PartResign || (o.Stopping && !o.Server.Running):
		return Step{}, false
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "another member is to be primary"}, true
	}
	return Step{Kind: StepWait, Reason: "another member is to be primary"}, true
}

// StopWhenTold ends the engine, and then the agent.
func StopWhenTold(o Observation) (Step, bool) {
	switch {
	case !o.Stopping:
		return Step{}, false
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "the pod is ending"}, true
	}
	return Step{Kind: StepExit, Reason: "the pod is ending"}, true
}

// StayDownWhenToldTo leaves a primary to the election, which hands over first.
func StayDownWhenToldTo(o Observation) (Step, bool) {
	stopped := o.Plan.PowerState == v1alpha1.PowerStopped
	if o.Standing.Part == engine.PartLead || (!stopped && !slices.Contains(o.Plan.FencedMembers, o.Member)) {
		return Step{}, false
	}
	if o.Server.Running {
		return Step{Kind: StepStopServer, Reason: "the plan wants the engine down"}, true
	}
	return Step{Kind: StepWait, Reason: "the plan wants the engine down"}, true
}

// Foreign says whether the volume has the data of another database.
func Foreign(o Observation) bool {
	return o.Plan.SystemID != "" && o.Volume.HasData && o.Volume.SystemID != o.Plan.SystemID
}

// RefuseForeignData keeps a volume with the data of another database from serving, and from being overwritten.
func RefuseForeignData(o Observation) (Step, bool) {
	if !Foreign(o) {
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

// WaitForTheElection does nothing until something is known of the Lease: an engine that runs goes on as it is, and one
// that does not stays down.
func WaitForTheElection(o Observation) (Step, bool) {
	return Step{Kind: StepWait, Reason: "the election has not spoken yet"}, o.Standing.Part == ""
}

// InitialiseOnce makes data only where the election says that there never was any.
func InitialiseOnce(o Observation) (Step, bool) {
	if o.Standing.Part != engine.PartLead || !o.Standing.Found || o.Volume.HasData || o.Plan.SystemID != "" {
		return Step{}, false
	}
	return Step{Kind: StepInitialise, Reason: "no data was ever made"}, true
}

// NeverInitialiseAgain tells of a primary without data: it has lost it, and new data would hide that.
func NeverInitialiseAgain(o Observation) (Step, bool) {
	if o.Volume.HasData || o.Standing.Part != engine.PartLead {
		return Step{}, false
	}
	return Step{Kind: StepWait, Reason: "the data is gone", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonDataMissing, Message: "this member is primary, but its volume has no data",
	}}, true
}

// BeNobodysPrimary stops an engine that accepts writes when the election does not ask for it.
func BeNobodysPrimary(o Observation) (Step, bool) {
	if o.Standing.Part == engine.PartLead || !o.Server.Accepting || o.Server.InRecovery {
		return Step{}, false
	}
	return Step{Kind: StepStopServer, Reason: "this member is not primary"}, true
}

// ReceiveFromNobody keeps a promise, or finds out how far the data goes: a member that has yet to settle whom it may
// follow, an old primary above all, starts as a replica of nobody (PROTOCOL I8).
func ReceiveFromNobody(o Observation) (Step, bool) {
	if o.Standing.Part != engine.PartNobody && o.Standing.Part != engine.PartYield {
		return Step{}, false
	}
	switch {
	case o.Server.Running && o.Server.Primary != "":
		return Step{Kind: StepFollow, Reason: "nobody may be received from now"}, true
	case !o.Volume.HasData:
		return Step{Kind: StepWait, Reason: "there is no data, and no primary to copy from"}, true
	case !o.Server.Running && !o.Volume.Exact:
		return Step{Kind: StepStartReplica, Reason: "to find out how far the data goes"}, true
	}
	return Step{Kind: StepWait, Reason: "nobody may be received from now"}, true
}

// RestartForParameters restarts the engine in place, when it is this member's turn.
func RestartForParameters(o Observation) (Step, bool) {
	if o.Plan.RestartMember != o.Member || len(o.Pending) == 0 || !o.Server.Accepting {
		return Step{}, false
	}
	return Step{Kind: StepStopServer, Reason: fmt.Sprintf("to start again with %v", o.Pending)}, true
}

// ServeAsPrimary brings the engine from wherever it is to where it accepts writes, by the quorum of the standing.
func ServeAsPrimary(o Observation) (Step, bool) {
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

// CanCopy says whether the primary's data may be copied: it must have a host in the plan, and without the plan's system
// ID nobody could tell whether it is this cluster's (PROTOCOL I10).
func CanCopy(o Observation) bool {
	_, planned := o.Plan.Member(o.Standing.Primary)
	return planned && InTenure(o) && o.Plan.SystemID != "" && o.Primary.SystemID == o.Plan.SystemID
}

// InTenure says whether the primary accepts writes in the very tenure that the election speaks of: one that says so of
// another is not that primary.
func InTenure(o Observation) bool {
	return o.Primary.Known && o.Primary.Leading > 0 && o.Primary.Leading == o.Standing.Epoch
}

// CopyFromThePrimary copies where there is no data, or where somebody asked for a new copy.
func CopyFromThePrimary(o Observation) (Step, bool) {
	rebuild := o.Plan.Rebuild != nil && o.Plan.Rebuild.Member == o.Member && o.Plan.Rebuild.ID != o.Volume.Rebuilt
	switch {
	case o.Volume.HasData && !rebuild:
		return Step{}, false
	case !CanCopy(o):
		return Step{Kind: StepWait, Reason: "there is no primary to copy from yet"}, true
	case o.Server.Running:
		return Step{Kind: StepStopServer, Reason: "a new copy was asked for"}, true
	}
	return Step{Kind: StepClone, Primary: o.Standing.Primary, Reason: "a replica is a copy of the primary"}, true
}
