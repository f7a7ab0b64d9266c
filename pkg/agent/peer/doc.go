// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package peer is how the agents of one cluster speak to each other: JSON over HTTPS, on a port of their own.
//
// Both sides show a certificate of the cluster's authority, and the client's must be the members' own. The files are
// the mounted Secret's and are read again when they change, so that a rotation needs no restart; a pair that cannot be
// read leaves the last good one in force. Nothing that is said here is secret, but much of it is believed: a vote, a
// farewell.
//
// # Safety rules
//
//   - Every error means that the peer said nothing. An answer that broke off, or came too late, is no answer.
//   - A question may arrive twice, so each may be answered twice.
//   - An outage must not take the peers' addresses away: the last one that worked is kept, and used when DNS does not
//     answer soon.
//   - A question ends after election.RequestTimeout, and whatever was begun for it too: a member that is cut off costs
//     nothing but that.
//
// Read credentials.go, then server.go, client.go and dial.go.
package peer
