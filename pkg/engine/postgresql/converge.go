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
	// StepTakeLease writes this incarnation into the Lease as it was judged.
	StepTakeLease StepKind = "TakeLease"
	// StepInitialise makes new data.
	StepInitialise StepKind = "Initialise"
	// StepClone copies the data of Step.Primary.
	StepClone StepKind = "Clone"
	// StepStartPrimary starts the engine on its data as primary.
	StepStartPrimary StepKind = "StartPrimary"
	// StepStartReplica starts the engine as a replica of Step.Primary; of nobody when that is "".
	StepStartReplica StepKind = "StartReplica"
	// StepFollow makes a running replica follow Step.Primary.
	StepFollow StepKind = "Follow"
	// StepPromote makes a running replica primary.
	StepPromote StepKind = "Promote"
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

// rules are asked in order, and the first that has a step wins. What keeps data safe comes first, then the birth of the
// data, then the primary's and the replicas' work. The list is the runbook of a member.
var rules = []rule{
	stopWhenTold,
	touchNothingWithoutTheLock,
	stayDownWhenToldTo,
	refuseForeignData,
	waitForTheLease,
	takeBackOwnLease,
	voteForAFirstPrimary,
	initialiseOnce,
	neverInitialiseAgain,
	copyFromThePrimary,
	serveAsPrimary,
	followThePrimary,
}

// Converge decides what a member does next. It is pure: the same observation gives the same step.
func Converge(o Observation) Step {
	for _, r := range rules {
		if step, ok := r(o); ok {
			return step
		}
	}
	return Step{Kind: StepWait, Reason: "nobody is primary"}
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

// touchNothingWithoutTheLock: two engines on one volume destroy it (PROTOCOL I11).
func touchNothingWithoutTheLock(o Observation) (Step, bool) {
	if o.Volume.Locked {
		return Step{}, false
	}
	return Step{Kind: StepWait, Reason: "another process holds the volume's lock", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonVolumeInUse, Message: "another process still holds the lock of the volume",
	}}, true
}

func stayDownWhenToldTo(o Observation) (Step, bool) {
	stopped := o.Plan.PowerState == v1alpha1.PowerStopped
	if !stopped && !slices.Contains(o.Plan.FencedMembers, o.Member) {
		return Step{}, false
	}
	if o.Server.Running {
		return Step{Kind: StepStopServer, Reason: "the plan wants the engine down"}, true
	}
	return Step{Kind: StepWait, Reason: "the plan wants the engine down"}, true
}

// refuseForeignData: a volume with the data of another database must neither serve nor be overwritten.
func refuseForeignData(o Observation) (Step, bool) {
	known := o.Plan.SystemID
	if known == "" || !o.Volume.HasData || o.Volume.SystemID == known {
		return Step{}, false
	}
	step := Step{Kind: StepWait, Reason: "the volume has the data of another database", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonForeignData, Message: fmt.Sprintf(
			"the volume holds data with system ID %s, the cluster's is %s", o.Volume.SystemID, known),
	}}
	if o.Server.Running {
		step.Kind = StepStopServer
	}
	return step, true
}

func waitForTheLease(o Observation) (Step, bool) {
	return Step{Kind: StepWait, Reason: "the Lease was not read yet"}, !o.Lease.Known
}

// takeBackOwnLease: whoever holds the lock of the volume knows that the holder's engine is dead, because the holder
// could only run it on this volume.
func takeBackOwnLease(o Observation) (Step, bool) {
	if o.Primary() != o.Member || o.Lease.Holder == o.Incarnation {
		return Step{}, false
	}
	if o.Server.Running {
		return Step{Kind: StepStopServer, Reason: "the Lease names another life of this member"}, true
	}
	return Step{Kind: StepTakeLease, Reason: "an earlier life of this member holds it"}, true
}

// voteForAFirstPrimary chooses among retained volumes: every member that has one starts on its own, tells how far its
// data goes, and the most advanced takes the Lease (PROTOCOL I10).
func voteForAFirstPrimary(o Observation) (Step, bool) {
	if o.Lease.Holder != "" || !slices.Contains(o.Plan.RetainedMembers, o.Member) || !o.Volume.HasData {
		return Step{}, false
	}
	if !o.Server.Running {
		return Step{Kind: StepStartReplica, Reason: "to find out how far the data goes"}, true
	}
	winner, problem := electFirst(o)
	switch {
	case problem != nil:
		return Step{Kind: StepWait, Reason: problem.Message, Problem: problem}, true
	case winner == o.Member && o.Server.Settled:
		return Step{Kind: StepTakeLease, Reason: "this member has the newest data of all that were kept"}, true
	}
	return Step{Kind: StepWait, Reason: "a first primary is being chosen"}, true
}

// electFirst gives the member with the newest data, "" while votes are missing.
func electFirst(o Observation) (winner string, problem *engine.Problem) {
	var best engine.Vote
	for _, name := range o.Plan.RetainedMembers {
		vote, ok := o.Votes[name]
		if !ok {
			return "", nil
		}
		if vote.SystemID == "" {
			continue // an empty volume has nothing to lose
		}
		if best.SystemID != "" && best.SystemID != vote.SystemID {
			return "", &engine.Problem{Reason: v1alpha1.ReasonForeignData, Message: fmt.Sprintf(
				"the volumes that were kept hold different databases: %s and %s", best.SystemID, vote.SystemID)}
		}
		if winner == "" || newer(vote, best) {
			winner, best = name, vote
		}
	}
	return winner, nil
}

// newer says whether a vote is for newer data; RetainedMembers come by ordinal, so a tie is the lower ordinal's.
func newer(a, b engine.Vote) bool {
	if a.Timeline != b.Timeline {
		return a.Timeline > b.Timeline
	}
	return a.Position > b.Position
}

// initialiseOnce makes data only on the one member that may, and only while it holds the Lease. Data that it has made
// already, in an earlier life that nobody heard of, is the cluster's.
func initialiseOnce(o Observation) (Step, bool) {
	switch {
	case o.Plan.Initialiser != o.Member || o.Plan.SystemID != "":
		return Step{}, false
	case o.Lease.Holder == "":
		return Step{Kind: StepTakeLease, Reason: "this member makes the first data"}, true
	case o.Lease.Holder == o.Incarnation && !o.Volume.HasData:
		return Step{Kind: StepInitialise, Reason: "no data was ever made"}, true
	}
	return Step{}, false
}

// neverInitialiseAgain: a primary without data has lost it, and new data would hide that.
func neverInitialiseAgain(o Observation) (Step, bool) {
	if o.Volume.HasData || o.Primary() != o.Member {
		return Step{}, false
	}
	return Step{Kind: StepWait, Reason: "the data is gone", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonDataMissing, Message: "this member is primary, but its volume has no data",
	}}, true
}

func copyFromThePrimary(o Observation) (Step, bool) {
	if o.Volume.HasData {
		return Step{}, false
	}
	if !o.PrimaryServes || o.Plan.SystemID == "" || o.Primary() == "" || o.Primary() == o.Member {
		// Without the plan's system ID nobody could tell whether the copy is of this cluster's data (PROTOCOL I10).
		return Step{Kind: StepWait, Reason: "there is no primary to copy from yet"}, true
	}
	return Step{Kind: StepClone, Primary: o.Primary(), Reason: "a replica is a copy of the primary"}, true
}

func serveAsPrimary(o Observation) (Step, bool) {
	switch {
	case o.Lease.Holder != o.Incarnation:
		return Step{}, false
	case !o.Server.Running && o.Volume.Standby:
		return Step{Kind: StepStartReplica, Reason: "to be promoted"}, true
	case !o.Server.Running:
		return Step{Kind: StepStartPrimary, Reason: "this member holds the Lease"}, true
	case !o.Server.Accepting:
		return Step{Kind: StepWait, Reason: "the engine is starting"}, true
	case o.Server.InRecovery:
		return Step{Kind: StepPromote, Reason: "this member holds the Lease"}, true
	}
	return Step{Kind: StepTend, Reason: "primary"}, true
}

func followThePrimary(o Observation) (Step, bool) {
	primary := o.Primary()
	if primary == "" {
		return Step{}, false
	}
	if _, planned := o.Plan.Member(primary); !planned {
		return Step{Kind: StepWait, Reason: "the Lease names nobody of the plan"}, true
	}
	switch {
	case !o.Server.Running:
		return Step{Kind: StepStartReplica, Primary: primary, Reason: "another member is primary"}, true
	case !o.Server.Accepting:
		return Step{Kind: StepWait, Reason: "the engine is starting"}, true
	case !o.Server.InRecovery:
		return Step{Kind: StepStopServer, Reason: "another member is primary"}, true
	case o.Server.Primary != primary:
		return Step{Kind: StepFollow, Primary: primary, Reason: "the primary changed"}, true
	}
	return Step{Kind: StepTend, Reason: "replica"}, true
}

// Slot is the name of the replication slot that the primary keeps for a member. Slot names know no '-'.
func Slot(cluster, member string) string {
	ordinal, _ := resource.Ordinal(cluster, member)
	return fmt.Sprintf("atlasdb_%d", ordinal)
}
