// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// The words of the runbook, as the rules of this package say them.
type (
	observation = runbook.Observation
	step        = runbook.Step
)

// Runbook are the rules of a member, asked in order. Every member accepts writes, so there is nobody to follow and
// nothing to hand over; what makes replicas of the tables is tended while the server runs.
var Runbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	runbook.Quiesce,
	runbook.StopWhenTold,
	runbook.StayDownWhenFenced,
	runbook.RefuseForeignData,
	runbook.WaitForAPlan,
	runbook.NeverBeginAgain,
	beginOnce,
	fetchAnew,
	runbook.StartAsItWas,
	runbook.WaitForTheServer,
	restartTheStranded,
	runbook.RestartForParameters,
	tend,
}

// KeeperRunbook are the rules of a keeper, asked in order. Keepers elect their leader by themselves.
var KeeperRunbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	handOver,
	runbook.StopWhenTold,
	runbook.StayDownWhenFenced,
	runbook.RefuseForeignData,
	runbook.WaitForAPlan,
	join,
	runbook.StartAsItWas,
	runbook.WaitForTheServer,
	runbook.RestartForParameters,
	tend,
}

// beginOnce makes a place for the data. The identity of a cluster's data is made by the initialiser, once; all others
// begin with the one that the plan has.
func beginOnce(o observation) (step, bool) {
	switch {
	case o.Volume.HasData:
		return step{}, false
	case o.Plan.SystemID != "":
		return step{Kind: runbook.StepInitialise, Reason: "a new member of a cluster that is there"}, true
	case o.Plan.Initialiser == o.Member:
		return step{Kind: runbook.StepInitialise, Reason: "no data was ever made"}, true
	}
	return step{Kind: runbook.StepWait, Reason: "no data was made yet, and this member may not make the first"}, true
}

// fetchAnew throws the data away for which somebody asked that it be fetched anew from the siblings. Without a sibling
// it would be gone.
func fetchAnew(o observation) (step, bool) {
	const reason = "the data is to be fetched anew from the other members"
	asked := o.Plan.Rebuild
	me, _ := o.Plan.Member(o.Member)
	switch {
	case asked == nil || asked.Member != o.Member || asked.ID == o.Volume.Rebuilt || len(o.Plan.InShard(me.Shard)) < 2:
		return step{}, false
	case o.Server.Accepting && !o.Server.Quiet:
		return step{Kind: runbook.StepQuiesce, Reason: reason}, true
	case o.Server.Running:
		return step{Kind: runbook.StepStopServer, Reason: reason}, true
	}
	return step{Kind: runbook.StepClone, Reason: reason}, true
}

// restartTheStranded stops a server that does not find keepers which are there, so that the next one does. It refuses
// writes, and is not worth less for a moment in which it refuses reads as well.
func restartTheStranded(o observation) (step, bool) {
	const reason = "it does not find the keepers again"
	switch {
	case !o.Server.Stranded:
		return step{}, false
	case !o.Server.Quiet:
		return step{Kind: runbook.StepQuiesce, Reason: reason}, true
	}
	return step{Kind: runbook.StepStopServer, Reason: reason}, true
}

// join makes a place for a keeper's data, once the members have data that it is for.
func join(o observation) (step, bool) {
	switch {
	case o.Volume.HasData:
		return step{}, false
	case o.Plan.SystemID == "":
		return step{Kind: runbook.StepWait, Reason: "the cluster has no data yet"}, true
	}
	return step{Kind: runbook.StepInitialise, Reason: "a new keeper"}, true
}

// beforeTheEnd is the request of a leader that is about to stop.
const beforeTheEnd = "the keeper is about to stop"

// handOver lets another keeper lead before this one stops: it saves the members an election. It is tried once: a keeper
// that cannot is stopped all the same, and the others elect.
func handOver(o observation) (step, bool) {
	stops := o.Stopping || (o.Plan.RestartMember == o.Member && len(o.Pending) > 0)
	leads := o.Server.Accepting && !o.Server.InRecovery
	if !stops || !leads || len(o.Server.Attached) == 0 || o.Declined == beforeTheEnd {
		return step{}, false
	}
	return step{Kind: runbook.StepHandOver, Request: beforeTheEnd, Reason: beforeTheEnd}, true
}

func tend(o observation) (step, bool) {
	return step{Kind: runbook.StepTend, Reason: "it serves"}, o.Server.Accepting
}
