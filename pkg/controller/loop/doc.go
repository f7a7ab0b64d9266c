// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package loop is the worker loop that every controller of AtlasDB shares: a named queue of keys, a pool of workers,
// and one table that says what becomes of a key after its sync.
//
// Its rules:
//
//   - The queue holds keys, never objects. Ten events about one cluster are one sync, and a sync that was lost to a
//     crash is repeated from what the API server says.
//   - Events call Enqueue, failures are rate limited. An ordinary event that raised a key's back-off would punish a
//     busy cluster for being busy.
//   - One key is synced by one worker at a time, and no key waits for another: no sleep, no shared token bucket, and
//     a sync that hangs is cut off after two minutes.
//   - A failed key is retried for as long as it fails, at most 30 s apart. There is no resync that would bring back a
//     key dropped after n tries.
//   - A panic costs its own key one try, not the process: one object that trips a bug must not take the operator away
//     from every other database. It is logged with its stack, counted as result "panic" and retried like an error.
//     A worker that is truly stuck shows in Check, and so in the liveness probe.
//   - When Run's context ends no new key is begun. What is in flight may finish its writes for DrainTimeout, because
//     Run returns only when no worker can write any more: only then may the next leader begin.
//
// Read loop.go first, then result.go for the table.
package loop
