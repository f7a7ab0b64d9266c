// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgresql is the driver of PostgreSQL: the only code of AtlasDB that speaks to a PostgreSQL server, and that
// touches its files.
//
// It does what it is told and decides nothing; the decisions are in pkg/engine/postgresql. Its safety rules:
//
//   - The volume's lock is taken before anything on it is looked at, and handed to the server (volume.go).
//   - A data directory gets its final name only when it is complete, so that a crash leaves no data or all of it.
//   - PostgreSQL's own programs are run with arguments, never by a shell; names in SQL are quoted (sql.go).
//   - The agent's session pins search_path and its time limits, because it is superuser in a database where tenants may
//     define functions.
//
// Read driver.go, then execute.go for the steps, then sql.go. metrics.go is what Prometheus sees.
package postgresql
