// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgresql is the pure half of AtlasDB's PostgreSQL: which specs are good, how a member is configured, and
// what an agent should do next. The driver that speaks to the server is pkg/agent/postgresql.
//
// # What the configuration is computed from
//
// M is the memory limit of a member, or its request where there is no limit; C the CPUs, likewise, rounded up; S the
// size of the volume. Every value can be overridden by spec.parameters, except those that AtlasDB owns
// (parameters_owned.go). What is not named here stays at the server's own default.
//
//	shared_buffers                   M/4; the server's own advice, the rest is the kernel's cache
//	effective_cache_size             3/4 M, below 1Gi 1/2 M
//	work_mem                         (M - shared_buffers) / (3 max_connections), from 2MB to 256MB
//	maintenance_work_mem             M/16, from 32MB to 2GB
//	max_connections                  100, whatever M is
//	max_wal_size                     S/10, from 96MB to 16GB
//	min_wal_size                     max_wal_size/4, at least 32MB
//	wal_keep_size                    S/20, at most 2GB
//	max_slot_wal_keep_size           S/4
//	max_parallel_workers             C, at most 24
//	max_parallel_workers_per_gather  C/2, at most 4; the same for max_parallel_maintenance_workers
//
// A standby refuses to run with fewer connections, workers or senders than its primary. So these do not depend on M or
// C: a resize, which reaches one member after the other, could stop a replica otherwise.
//
// A member needs 64Mi, its shared_buffers and 1Mi for each connection; less memory is refused with that number.
//
// # What a member does next
//
// The election (pkg/agent/election) gives each member an engine.Standing: lead, follow somebody, receive from nobody,
// or resign. Converge turns that and what is observed into one step, by rules that are asked in order (converge.go);
// Facts is what the election learns in return (observation.go). No rule looks at the Lease, at a clock or at other
// members' votes: who may write is decided once, in the election.
//
// # Safety rules
//
//   - Nothing becomes primary, and no data is made, unless the standing asks to lead; a server that accepts writes
//     without that is stopped.
//   - A replica is promoted only when it receives from nobody and has applied all that it has.
//   - A member follows only a primary that is promoted already, and only after the lineages have told what its data is
//     to the primary's: a beginning, or something to rewind or to copy anew (PROTOCOL I6b).
//   - Data is overwritten only by a copy from a primary whose system ID is the plan's; foreign data never.
//   - A value reaches the file only escaped (config.go); the server reads back what the user wrote, and no value can
//     add a line.
//   - Whatever decides about durability, replication, identity or encryption is not the user's to set.
//   - No password is ever written: not to the plan (scram.go), and not by the server to its log (parameters.go).
//
// Read engine.go, parameters.go and config.go in this order; then observation.go, converge.go and memberconf.go.
package postgresql
