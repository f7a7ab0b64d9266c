// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package agent is PID 1 of a database container: it makes one member be as the plan says.
//
// It is built like the operator. One pass (pass.go) observes, decides with a pure function, does one thing and reports;
// then it observes again:
//
//   - observe: the plan, the Lease and the primary's pod are watched by name (cluster.go); the volume and the server
//     are looked at by the driver (postgresql/observe.go).
//   - decide: postgresql.Converge in pkg/engine/postgresql/converge.go, a list of rules of which the first that has a
//     step wins.
//   - act: one step. What takes long (initdb, a copy) runs beside the loop, so that probes and watches go on.
//   - report: one patch of the own pod, only when the meaning of the report changed.
//
// Nothing here lists or watches anything beyond the cluster's own objects, and an API server that does not answer never
// stops an engine that runs: the loop goes on with what it knew last.
//
// # Who is primary
//
// The member that the cluster's Lease names. A member takes a Lease that nobody holds only to make the very first
// data, or as the winner of the choice among volumes that a former cluster left. It takes back a Lease that an earlier
// life of its own holds once it has the lock of its volume: the lock lives as long as any process of the old engine,
// so having it proves that the old engine is dead. No member takes a Lease that names another. This version has no
// failover, and for that reason no renewal: while the primary's node is silent, writes wait.
//
// # Read next
//
// pass.go, then pkg/engine/postgresql/converge.go, then postgresql/driver.go. process/reaper.go is what being PID 1
// takes.
package agent
