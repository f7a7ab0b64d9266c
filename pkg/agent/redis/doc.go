// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package redis is the driver of Redis and Valkey: the only code of AtlasDB that speaks to such a server.
//
// Its safety rules:
//
//   - What a server says of itself is taken whole or not at all: a line of INFO that is missing or cannot be read is an
//     error and never a zero, since an offset of zero is a position that a member could be elected by.
//   - The offset of a server that loads is not that of the data that it has (info.go).
//   - A scrape has a connection of its own and is bounded in time: a server that hangs holds up nobody (metrics.go).
//
// With shards the driver is another (cluster.go): it starts the same server, and carries out what the pure half says
// that a member has to do for its cluster (cluster_tend.go).
//
// Read info.go for what a server tells, then metrics.go for what Prometheus sees of it.
package redis
