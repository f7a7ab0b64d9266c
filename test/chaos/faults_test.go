// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"time"
)

// fault is one way to break a database.
type fault struct {
	name string
	// what says for people what is done.
	what   string
	layout *layout
	// strike breaks; it sets the trial's undo before there is anything to mend.
	strike func(context.Context, *trial) error
	// lasts is how long the fault stays, for one whose effect is that nothing happens.
	lasts time.Duration
	// trials is how many make a figure, and goal is what the write gap may be; 0 for none.
	trials int
	goal   time.Duration
	// ends says that the primary's server ends, so that writes go on with another life of it or of another. stays says
	// that it must be the same all along.
	ends, stays bool
	// planned says that the primary is asked to go and can hand over all that it has.
	planned bool
	// freezes says that the primary may wake up and send an answer that it had ready.
	freezes bool
	// isolates says that the time of the former primary's last acknowledgement is a figure too.
	isolates bool
	// mayLose says that the database was told not to wait for replicas.
	mayLose bool
	// ensemble says that it needs one. halts says that writes wait until it is mended.
	ensemble, halts bool
	// renews says that the next trial needs another database: kubelets, proxies and controllers try again ever more
	// rarely while the API server is away, and one that has come up since proves that all of them are back.
	renews bool
}

// isolationGoal is until when a primary that is cut off may acknowledge.
const isolationGoal = 5 * time.Second

// many trials are for the faults that happen most, few for the others.
const many, few = 30, 10

// faults are all that the promises speak of. Those of one layout stand together: they share a database.
var faults = []*fault{
	{
		name: "engine-killed", what: "SIGKILL to the server", layout: spread, strike: killEngine,
		trials: many, goal: 1500 * time.Millisecond, ends: true,
	},
	{
		name: "agent-killed", what: "SIGKILL to the agent, the container's first process", layout: spread,
		strike: killAgent, trials: few, goal: 4 * time.Second, ends: true,
	},
	{
		name: "agent-stopped", what: "SIGSTOP to the agent alone", layout: spread, strike: stopAgent,
		trials: few, ends: true, freezes: true, isolates: true,
	},
	{
		name: "guard-killed", what: "SIGKILL to the guard", layout: spread, strike: killGuard,
		lasts: 6 * time.Second, trials: few,
	},
	{
		name: "container-frozen", what: "primary's container frozen with commits in flight, then thawed",
		layout: spread, strike: freezeContainer, trials: few, goal: 12 * time.Second, ends: true, freezes: true,
		isolates: true,
	},
	{
		name: "pod-deleted", what: "primary's pod deleted", layout: spread, strike: deletePod, trials: many, ends: true,
		planned: true,
	},
	{
		name: "lease-deleted", what: "Lease deleted by hand", layout: spread, strike: deleteLease,
		lasts: 15 * time.Second, trials: few, stays: true,
	},
	{
		name: "replica-slow", what: "one replica receives nothing for 10 s", layout: spread, strike: slowReplica,
		lasts: 10 * time.Second, trials: few, stays: true,
	},
	{
		name: "switchover", what: "planned switchover", layout: spread, strike: switchover,
		trials: few, goal: 2 * time.Second, ends: true, planned: true,
	},
	{
		name: "api-down", what: "API server stopped or dead for 60 s", layout: spread, strike: downAPI,
		lasts: time.Minute, trials: few, stays: true, renews: true,
	},
	{
		name: "keeper-lost", what: "leader of the Keeper killed, or frozen for 15 s", layout: spread, strike: loseKeeper,
		trials: few, ensemble: true,
	},
	{
		name: "keeper-quorum-lost", what: "two of three members of the Keeper frozen: reads go on", layout: spread,
		strike: loseKeeperQuorum, trials: few, ensemble: true, halts: true,
	},
	{
		name: "node-stopped", what: "primary's node loses its power", layout: spread, strike: stopNode,
		trials: few, goal: 12 * time.Second, ends: true,
	},
	{
		name: "cable-cut", what: "primary's node cut off, a session inside goes on writing", layout: spread,
		strike: cutCable, trials: many, goal: 12 * time.Second, ends: true, isolates: true,
	},
	{
		name: "operator-down", what: "primary's node cut off, no operator", layout: spread, strike: cutWithoutOperator,
		trials: few, goal: 12 * time.Second, ends: true, isolates: true,
	},
	{
		name: "operator-and-node-lost", what: "primary's node loses its power, no operator", layout: spread,
		strike: stopWithoutOperator, trials: few, goal: 12 * time.Second, ends: true,
	},
	{
		name: "pod-force-deleted", what: "primary's pod deleted with grace 0, successor on the same node",
		layout: pinned, strike: forceDeletePod, trials: few, goal: 5 * time.Second, ends: true,
	},
	{
		name: "member-added", what: "member added while the API server is stopped for 15 s", layout: pinned,
		strike: addMember, trials: few, renews: true,
	},
	{
		name: "recreated", what: "DatabaseCluster deleted and made anew within a second", layout: pinned,
		strike: recreate, trials: few, ends: true, planned: true,
	},
	{
		name: "volumes-retained", what: "DatabaseCluster made anew over its volumes, one stale, one empty",
		layout: pinned, strike: recreateOverVolumes, trials: few, ends: true,
	},
	{
		name: "cable-cut-relaxed", what: "as cable-cut, durability Relaxed", layout: relaxed, strike: cutCable,
		trials: few, goal: 12 * time.Second, ends: true, isolates: true, mayLose: true,
	},
	{
		name: "container-frozen-relaxed", what: "as container-frozen, durability Relaxed", layout: relaxed,
		strike: freezeContainer, trials: few, goal: 12 * time.Second, ends: true, freezes: true, isolates: true,
		mayLose: true,
	},
}
