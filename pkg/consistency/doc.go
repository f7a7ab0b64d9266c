// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package consistency lets a controller read its own writes.
//
// A controller reads from informer caches, and these run a few milliseconds behind what it has just written. A sync
// that looks into such a cache sees a world in which its last sync has not happened: it creates what exists, counts a
// member too few, writes a status of the past. The Gate closes that window: after a write it refuses to let the same
// key be synced until the cache that the write shows up in has seen it. The idea and the comparison are those of
// k8s.io/kubernetes/pkg/controller/util/consistency (KEP-5647), extended to deletes.
//
// Its rules:
//
//   - Every successful write of a gated resource is recorded, and a delete by the UID that was deleted: deletes
//     return no resourceVersion to compare with.
//   - A write is compared with the store of its own resource only; versions of different resources have no order.
//   - A store that cannot say how far it is ("") never blocks. Acting on a stale cache costs a conflict, which
//     preconditions turn into a retry; a gate that never opens costs the database its operator.
//   - Only record writes that the informer can see. A write that leaves an object outside the informer's label
//     selector shows up with the next bookmark, a minute later, and blocks its key for so long.
//
// Everything is in gate.go.
package consistency
