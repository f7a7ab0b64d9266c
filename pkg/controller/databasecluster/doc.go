// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package databasecluster keeps every DatabaseCluster as its spec says.
//
// The files follow the life of one key, and that is the order to read them in:
//
//   - handlers.go: an event becomes a key.
//   - sync.go: the whole pass on one page.
//   - snapshot.go: a key becomes a snapshot, from the informers' caches alone.
//   - decide.go and its neighbours: a pure function turns the snapshot into a decision. decide_accept.go judges the
//     spec, decide_shared.go wants the objects that all members share, decide_secrets.go, decide_certificates.go and
//     decide_login.go those that hold something random, decide_plan.go says what the agents are told. decide_wanted.go
//     says which members there should be, decide_members.go wants their pods, and takes away at most one,
//     decide_volumes.go wants their volumes. decide_rollout.go says which pod is made anew and whose engine restarts
//     next, decide_handover.go when a primary hands over.
//   - act.go: the decision is carried out; generate.go makes what needs randomness.
//   - status.go and its neighbours: the outcome becomes status, conditions and events.
//
// Its safety rules, which world_schedule_test.go holds it to in any order of events:
//
//   - A shard whose data has not moved to the others keeps its members, over restarts, stops and edits.
//   - One thing at a time: a running pod is taken away, an engine restarts or a primary hands over only while every
//     other member is ready. A member that does not come back stops a change, and the primary is its last.
//   - A primary is never taken away where another could take over first.
//   - A pod is made only for a member that the Lease lists, and taken away for good only when it no longer does. Where
//     members elect by themselves and have a list of who votes, none is taken away that is on it, and while nobody is
//     primary they all come back.
//   - While nobody is known to be primary, nobody who serves is taken away.
//   - Where every member accepts writes, nobody who serves is taken away while another is not level, and an ensemble
//     changes before the members that need it and stops after them.
//   - A Secret that is broken, lost or edited takes nothing away that is in force: a login keeps its password and
//     members their certificates until there are others, and both ends of a connection trust them before they are
//     shown.
//
// Each shard has a primary of its own; a cluster without shards is one shard (shards.go). An engine may have no
// primary, since every member accepts writes (leaderless.go), and may need servers that keep its consensus
// (ensemble.go).
//
// The operator never speaks to a database. It says what should be in the plan Secret, and reads what is from the
// reports on the members' pods.
package databasecluster
