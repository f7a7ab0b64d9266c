// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package fence makes sure that an engine accepts no writes after its member's hold on the Lease may have ended
// (PROTOCOL I4).
//
// There is one deadline, in memory that two processes share, and it only ever moves when a renewal was answered. The
// fence has two hands. The agent kills its engine when the election says so. The guard, a child process that is started
// before the engine may accept a write, kills it when the deadline passes, whatever the agent does: an agent may be
// stopped, swapped out or stuck. No guard, no writable engine.
//
// The blow is kill(-1, SIGKILL) inside the container: one system call ends every session. A shutdown would be kinder,
// and would let a straggler acknowledge for seconds more.
//
// # Safety rules
//
//   - A guard counts as one when it has said that it watches, not when it was started. An engine whose guard is dead
//     and cannot be replaced is killed.
//   - A writable engine is started under the lock that the blow takes (Permit), so that none is born after it.
//   - The guard strikes again and again while the deadline is passed, for an engine that was born in that very moment.
//   - A guard never gives up: an error of a blow is a reason for the next one.
//   - The fence has ended when nothing is left, however long that takes: others are told that the engine is dead.
//   - Both hands strike only from inside a container's own PID namespace; elsewhere they refuse.
//
// Read fence.go, then guard.go.
package fence
