// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

// behaviour is one promise to users that does not depend on the engine.
type behaviour struct {
	name string
	// short says that CI checks it of every engine, and not only of the one that it runs in full.
	short bool
	// needs are the traits without which it has no meaning.
	needs []trait
	// run leaves the database Ready.
	run func(*database)
}

// behaviours are all that an engine is held to. What counts requests comes first and what breaks nodes comes last.
var behaviours = []*behaviour{
	{name: "create", short: true, run: isWhole},
	{name: "write-budget", run: keepsWriteBudget},
	{name: "serve", short: true, run: serves},
	{name: "single-member", needs: []trait{oneMember}, run: standsAlone},
	{name: "kill-engine", short: true, run: survivesKill},
	{name: "delete-pod", run: survivesPodDeletion},
	{name: "switchover", short: true, needs: []trait{primary}, run: changesHands},
	{name: "member-uri", needs: []trait{memberURI}, run: isFollowed},
	{name: "stop-and-start", run: stopsAndStarts},
	{name: "scale", run: scales},
	{name: "scale-shards", needs: []trait{shards}, run: scalesShards},
	{name: "live-parameter", needs: []trait{liveParameter}, run: takesLiveParameter},
	{name: "restart-parameter", needs: []trait{restartParameter}, run: takesRestartParameter},
	{name: "restart-operation", run: restartsMembers},
	{name: "silence", run: isSilent},
	{name: "kill-ensemble-member", short: true, needs: []trait{ensemble}, run: survivesEnsembleMember},
	{name: "lose-ensemble-quorum", needs: []trait{ensemble}, run: waitsForEnsemble},
	{name: "lose-node", run: survivesNodeLoss},
	{name: "recreate", run: isFoundAgain},
}
