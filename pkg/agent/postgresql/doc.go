// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgresql is the driver of PostgreSQL: the only code of AtlasDB that speaks to a PostgreSQL server, and that
// touches its files.
//
// It does what it is told and decides nothing; the decisions are in pkg/engine/postgresql. Its safety rules:
//
//   - The volume's lock is taken before anything on it is looked at, and handed to the server (volume.go).
//   - A server is down when its last process is gone, not when its postmaster is: a session that is left could still
//     acknowledge (evict.go).
//   - A data directory gets its final name only when it is complete, so that a crash leaves no data or all of it.
//   - Where data comes from is on the disk before anything depends on it: a promotion before its first write, a
//     primary's lineage before the first byte from it (lineage.go).
//   - An end of the data is called exact only while the server receives from nobody and has applied all that it has, or
//     was shut down cleanly; whatever could move the end takes that back first (observe.go).
//   - A quorum is called enforced only after the server has read it, and flushed only after a barrier that was written
//     under it (Enforce, flushBarrier).
//   - PostgreSQL's own programs are run with arguments, never by a shell; names in SQL are quoted (sql.go).
//   - The agent's session pins search_path and its time limits, because it is superuser in a database where tenants may
//     define functions.
//
// Read driver.go, then execute.go for the steps and observe.go for what the election learns, then tend.go and sql.go.
// metrics.go is what Prometheus sees.
package postgresql
