// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package replset is what a member of a replica set decides by: the set's configuration, what is known of the other
// members, who may be elected, and what a majority has. It has no clock, no network and no disk; package server has.
//
// It follows "Replica Set Elections", "Replica Set Configuration", "replSetReconfig" and "Write Concern" of the MongoDB
// manual (mongodb.com/docs/manual/core/replica-set-elections/, .../reference/replica-configuration/,
// .../reference/command/replSetReconfig/, .../reference/write-concern/), and the server's published design notes
// (github.com/mongodb/mongo, src/mongo/db/repl/README.md). MongoDB calls this part the topology coordinator.
//
// A replica set in five rules:
//
//  1. A term has one primary at most: each voter votes once per term, and writes that down first (vote.go).
//  2. A voter votes for nobody whose log is older than its own (vote.go).
//  3. What a majority of the voters has in its journals is committed (commit.go). By 1 and 2, whoever is elected
//     has it.
//  4. A primary that has not heard from a majority for the election timeout steps down (topology.go).
//  5. The configuration changes by one voter at a time, after a majority has the one before (reconfig.go), so that
//     majorities of the old one and of the new one have a member in common.
//
// Read topology.go first.
package replset
