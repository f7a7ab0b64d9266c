// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "github.com/atlasdb/atlasdb/pkg/engine/runbook"

// ClusterRunbook are the rules of a member of a Redis Cluster, asked in order. The servers elect by themselves; what
// makes one cluster of them is tended while they run (Cluster.Moves).
var ClusterRunbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	runbook.HandOver,
	runbook.StopWhenTold,
	runbook.StayDownWhenFenced,
	runbook.RefuseForeignData,
	runbook.PrepareOnce,
	runbook.Bequeath,
	waitForAnHeir,
	runbook.StartAsItWas,
	waitForTheServer,
	runbook.RestartForParameters,
	runbook.TendTheServer,
}

// waitForAnHeir keeps a primary down that died with more than its disk has: its replicas may have it, and elect one of
// them meanwhile. It comes back as that one's replica, or as what it was when there was nobody.
func waitForAnHeir(o observation) (step, bool) {
	return step{Kind: runbook.StepWait, Reason: "a replica may have more than the disk of this primary"},
		o.Volume.Resting && !o.Server.Running
}
