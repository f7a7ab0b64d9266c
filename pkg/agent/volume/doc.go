// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package volume is what the drivers of all engines need of a member's volume: a lock that outlives the agent, an end
// to whatever a dead server has left behind, and files that are on the disk when it says so.
//
// # Safety rules
//
//   - One volume, one engine (PROTOCOL I11): nothing is touched before the lock is held, and every server inherits its
//     descriptor. On a volume whose lock was just taken nobody else is left, in whatever container it ran.
//   - A server of the same container may outlive its main process. Evict ends what is left before the next one starts.
//
// Read volume.go, then evict.go.
package volume
