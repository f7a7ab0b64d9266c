// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command mongod is SIMULATED: it is no MongoDB, but a stand-in for its server, which AtlasDB's tests run as the image
// localhost/mongo-standin where the real one cannot be had. The agent, the pods and the manifests are those that run
// mongod itself: they start it by that name, with the configuration file that they would give to mongod, and talk to it
// with the vendor's driver. It says that it is simulated in the first line of its log, in --version, and in buildInfo
// (gitVersion "simulated"). Neither the operator nor the agent links it.
//
// What a test proves with it is that AtlasDB is right about a server that behaves as MongoDB's documentation says. That
// MongoDB behaves so it cannot prove; the page on MongoDB, docs/mongodb.md, says how a user with the real image can.
//
// # What each part follows
//
//	wire/      the wire protocol: OP_MSG, exhaust replies         manual, MongoDB Wire Protocol
//	oplog/     the operations log, retryable writes               manual, Replica Set Oplog; Retryable Writes
//	document/  filters, updates, the order of values              manual, Query and Update Operators
//	replset/   votes, commit point, configurations, state         manual, Replica Set Elections; replSetReconfig;
//	                                                              the server's design notes, src/mongo/db/repl/README.md
//	server/    commands, logins, replication, rollback            manual, one page per command; Built-In Roles;
//	                                                              Write Concern; Read Concern; Rollbacks; Exit Codes
//
// The page is named beside what follows it, and shapes_test.go holds replies against the pages.
//
// # How a replica set works, in the order of reading
//
//	replset/doc.go       five rules, from which all else follows
//	server/write.go      a write becomes an entry in the primary's log ...
//	server/pull.go       ... which the others copy ...
//	server/position.go   ... and report, until a majority has it in its journal ...
//	replset/commit.go    ... and it is committed, and acknowledged (server/concern.go)
//	server/election.go   when the primary is gone, another is elected ...
//	server/primary.go    ... catches up, and begins its term
//	server/rollback.go   what the old primary had and no majority did is taken back
//
// # What it does not do
//
// There is no WiredTiger: documents are in memory, and the log, which is never cut, is all that is on the disk. There
// are no shards, no arbiters, no forced reconfiguration, no transactions of several documents, no change streams, no
// findAndModify, no unique index but that of _id, no users but those written into admin.system.users, no x.509 logins
// and no compression; whoever asks for any of it gets an error that says so. The newlyAdded field of a member with a
// vote is not simulated either, as AtlasDB adds members without one. A first copy takes the whole log over, where
// MongoDB clones the collections. Secondaries copy from the primary, and from each other only while there is none.
// Reads of committed data wait for the commit point, where MongoDB reads from a snapshot. Time is as fast as in
// MongoDB, but nothing here says how fast MongoDB is.
package main
