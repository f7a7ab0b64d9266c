// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package server is a mongod that talks: it answers clients and other members, and moves what package replset decides
// by and package oplog keeps.
//
// Read server.go for the lock that everything is under, and connection.go and command.go for how a command comes in.
// Then a write's way: write.go, statements.go, concern.go, and on another member pull.go, position.go. Then a primary's
// end: heartbeat.go, election.go, primary.go, rollback.go. initiate.go and reconfig.go are how members come and go.
package server
