// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package mongodb is the pure half of AtlasDB's MongoDB: which specs are good, how a member is configured, who may log
// in, and what the members of a replica set do next. The driver that speaks to the server is pkg/agent/mongodb.
//
// # A replica set
//
// The servers vote by themselves; there is no Lease and no fence. What they do not do by themselves is to know who
// should be in the set. That is in the plan, and the primary's agent changes the set's configuration towards it, one
// move at a time (replicaset_moves.go), each of which follows from what is there, so that it does not matter which
// agent died in the middle of the last one:
//
//   - Initiate, once: by the plan's initialiser alone, while the plan knows of no data, on a volume that was never in a
//     set, while no other member is in one. The set is of that member alone. Its identity (settings.replicaSetId)
//     becomes the plan's system ID, and before that nobody is added. A server that lost its volume has no
//     configuration, and waits for the others' or to be added.
//   - Add a member whose server is there, without a vote; it copies the data.
//   - Grant the vote when it is a secondary and level.
//   - Withdraw the vote of a member that should have none any more.
//   - Remove a member that the plan does not have. One with a vote goes only while a majority of those that stay is
//     level, and its pod only after that: who votes is told to the operator (Electorate). A primary never removes
//     itself; it hands over before.
//
// Every change goes to a configuration that a majority has already, changes one vote at most, and is never forced: a
// set without a majority is for a human to look at, since a forced change may throw away what was acknowledged.
//
// # Votes
//
// Of n members n vote if that is odd or 2, and n-1 if not (replicaset_votes.go). All that vote have the same priority:
// nobody is preferred, so no return of a member makes an election.
//
//	members  voters  majority  may be lost
//	1        1       1         0
//	2        2       2         0, since writes wait while one is away (NoQuorumMargin)
//	3, 4     3       2         1
//	5, 6     5       3         2
//	7        7       4         3
//
// durability Majority is the default write concern "majority" of clients that ask for no other; a write is acknowledged
// when more than half of the voters have it in their journals. A set that is to have more members and in which one
// votes yet promises nothing (Enforced).
//
// # Handing over
//
// A primary steps down when the plan asks for it, before its pod ends, and when the plan gives it no vote any more;
// never by force, and so never while nobody is level. When its server died, its agent knows at once, and asks the most
// advanced of the others to stand for election; they would notice after ElectionTimeout only. That one needs the votes
// of a majority all the same, and they do not vote for one that has less than they have.
//
// # Configuration
//
// The plan has mongod.conf, the same for all members (config.go). M is the memory limit of a member, or its request
// where there is no limit. What is not named here is a constant (parameters.go) or the server's own default.
//
//	storage.wiredTiger.engineConfig.cacheSizeGB  (M - 1Gi) / 2, and 0.25 at least
//
//	M       cache
//	512Mi   0.25 GB, the least that a member is run with
//	1Gi     0.25 GB
//	2Gi     0.5 GB
//	4Gi     1.5 GB
//	64Gi    31.5 GB
//
// spec.parameters takes server parameters by their name, and options of mongod.conf by their path with dots
// (parameters_table.go). Each is listed, checked, and known to be live or to need a restart; names are told apart by
// case, as MongoDB does. What AtlasDB owns is refused with the reason (parameters_owned.go).
//
// # Versions
//
// 6.0, 7.0 and 8.0, each reached in place from the one before it: secondaries first, the old primary last (upgrade.go).
// The feature compatibility version follows when every member has run the new version for
// spec.mongodb.featureCompatibility.soakSeconds, and is never lowered. Until then the members still read and write what
// the version before understands.
//
// # Logins
//
// The keyfile and the internal user's password are made of what the members share (KeyFile); only they mount it. The
// agent logs in as that user, as members do among each other: so it can look at a server in any state, also one that is
// in no set and has no users, and no password of its own is in the set's data. Applications have SCRAM-SHA-256, and the
// primary's agent writes their documents with a verifier that the operator made (credential.go).
//
// # What rests on documentation
//
// No mongod has run this code: it is tried on a simulated one (test/standin/mongod). What is relied upon, with where it
// is written, below https://www.mongodb.com/docs/manual:
//
//   - One voting member at a time; a change waits until a majority has the configuration before it:
//     reference/command/replSetReconfig. Whether it has: commitmentStatus in reference/command/replSetGetConfig.
//   - An added member has a vote and priority as it is told; priority must be 0 without a vote; seven votes at most:
//     reference/replica-configuration, core/replica-set-members.
//   - The number of a member should not be used again: reference/replica-configuration. AtlasDB uses an ordinal again,
//     for the same host.
//   - States, and who of them votes: reference/replica-states. A voter that lost its volume votes while it copies, so
//     two losses at once, one of them of a volume, may elect a primary without the newest acknowledged writes.
//   - A step down without force is refused when nobody is level in time: reference/command/replSetStepDown.
//   - The formula of the cache, and every option: reference/configuration-options. Every parameter, and whether it is
//     live: reference/parameters.
//   - What a keyfile may hold: core/security-internal-authentication. Roles: reference/built-in-roles.
//   - The way from version to version: release-notes/8.0-upgrade-replica-set; confirm:
//     reference/command/setFeatureCompatibilityVersion.
//
// In no manual, but only in the server's source, are: the name of the internal user (__system at local) and that a
// client may log in as it; the form of documents in admin.system.users; replSetStepUp; that clusterFile is shown to
// other members also where they log in by keyfile.
//
// Read engine.go, config.go, parameters.go and credential.go in this order, then replicaset.go, replicaset_votes.go,
// replicaset_moves.go and runbook.go.
package mongodb
