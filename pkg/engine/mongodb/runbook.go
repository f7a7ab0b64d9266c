// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"

	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// The words of the runbook, as the rules of this package say them.
type (
	observation = runbook.Observation
	step        = runbook.Step
)

// Runbook are the rules of a member of a replica set, asked in order. The servers elect by themselves; what makes one
// set of them is tended while they run (ReplicaSet.Next).
var Runbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	runbook.HandOver,
	runbook.StopWhenTold,
	runbook.StayDownWhenFenced,
	runbook.RefuseForeignData,
	runbook.WaitForAPlan,
	runbook.NeverBeginAgain,
	runbook.PrepareOnce,
	runbook.Bequeath,
	runbook.StartAsItWas,
	runbook.WaitForTheServer,
	runbook.RestartForParameters,
	rebuild,
	giveWay,
	runbook.TendTheServer,
}

// rebuild throws a replica's data away when somebody asked for it: the server copies everything anew when it starts
// without any (initial sync).
func rebuild(o observation) (step, bool) {
	r := o.Plan.Rebuild
	if r == nil || r.Member != o.Member || r.ID == o.Volume.Rebuilt || !o.Server.InRecovery {
		return step{}, false
	}
	return step{Kind: runbook.StepClone, Reason: "a new copy was asked for"}, true
}

// noVote is the request of a primary that may not vote by the plan.
const noVote = "the plan gives it no vote"

// giveWay hands over when the plan has come to give the primary no vote, which it cannot take from itself.
func giveWay(o observation) (step, bool) {
	electable := func(member string) bool { return IsVoter(o.Plan, member) }
	if o.Server.InRecovery || electable(o.Member) || o.Declined == noVote || o.Server.Settling ||
		!slices.ContainsFunc(o.Server.Attached, electable) {
		return step{}, false
	}
	return step{Kind: runbook.StepHandOver, Request: noVote, Reason: noVote}, true
}
