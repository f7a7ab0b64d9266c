// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "github.com/atlasdb/atlasdb/pkg/engine/runbook"

// ClusterRunbook are the rules of a member of a Redis Cluster, asked in order. The servers elect by themselves; what
// makes one cluster of them is tended while they run (Cluster.Moves).
var ClusterRunbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	handOver,
	runbook.StopWhenTold,
	runbook.StayDownWhenFenced,
	runbook.RefuseForeignData,
	prepareOnce,
	bequeath,
	waitForAnHeir,
	runbook.StartAsItWas,
	waitForTheServer,
	runbook.RestartForParameters,
	tend,
}

// beforeTheEnd is the request of a pod that ends.
const beforeTheEnd = "the pod is ending"

// afterTheEnd is the request of a primary whose server died.
const afterTheEnd = "the server died"

// handOver lets a replica of the shard be primary: because the plan asks for it, or because this one's pod ends. Each
// request is tried once; a pod that ends must not wait for a replica that cannot. No replica of a primary without slots
// can be elected, but such a primary will have some soon, and the plan's request waits for that; as both wait until the
// others would vote again: to ask before only keeps clients from writing.
func handOver(o observation) (step, bool) {
	if !o.Server.Accepting || o.Server.InRecovery || o.Server.Empty {
		return step{}, false
	}
	s := o.Plan.Switchover
	switch {
	case o.Server.Settling && o.Stopping && len(o.Server.Attached) > 0:
		return step{Kind: runbook.StepWait, Reason: "nobody may be elected in its place yet"}, true
	case o.Server.Settling:
		return step{}, false
	case s != nil && s.From == o.Member && s.ID != o.Declined && !o.Stopping:
		return step{
			Kind: runbook.StepHandOver, Primary: s.Target, Request: s.ID, Reason: "the plan asks for it",
		}, true
	case o.Stopping && len(o.Server.Attached) > 0 && o.Declined != beforeTheEnd:
		return step{Kind: runbook.StepHandOver, Request: beforeTheEnd, Reason: beforeTheEnd}, true
	}
	return step{}, false
}

// prepareOnce makes a place for the data. A server that starts there belongs to no cluster, and to no other for ever.
func prepareOnce(o observation) (step, bool) {
	return step{Kind: runbook.StepInitialise, Reason: "the volume is empty"}, !o.Volume.HasData && !o.Volume.Broken
}

// bequeath has a replica stand for election when its primary has died. Its agent knows that at once; the gossip would
// need the node timeout to notice.
func bequeath(o observation) (step, bool) {
	return step{
		Kind: runbook.StepHandOver, Primary: o.Volume.Heir, Request: afterTheEnd, Reason: afterTheEnd,
	}, o.Volume.Resting && !o.Server.Running && o.Volume.Heir != ""
}

// waitForAnHeir keeps a primary down that died with more than its disk has: its replicas may have it, and elect one of
// them meanwhile. It comes back as that one's replica, or as what it was when there was nobody.
func waitForAnHeir(o observation) (step, bool) {
	return step{Kind: runbook.StepWait, Reason: "a replica may have more than the disk of this primary"},
		o.Volume.Resting && !o.Server.Running
}

func tend(observation) (step, bool) {
	return step{Kind: runbook.StepTend, Reason: "member of a cluster"}, true
}
