// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package app is the operator as a process: flags, clients, informers, controllers, leader election, probes.
//
// Its rules:
//
//   - server.go is the only place that knows concrete types; it creates them in the order in which they depend on each
//     other, and takes them down in the reverse.
//   - Only the holder of the Lease writes, and the Lease is let go only after every controller has returned. A process
//     that loses the Lease exits at once: half-stopped leaders are how two act at the same time.
//   - Two times matter at the end. SIGTERM ends the taking of new work; what work in flight leans on (informers,
//     events, the Lease, probes) ends after it.
//
// Read server.go first, then controllers.go and leader.go. options.go is the reference of all flags.
package app
