// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Bytes, in the powers that both Kubernetes (Mi) and Redis (mb) mean.
const (
	kib int64 = 1 << 10
	mib int64 = 1 << 20
	gib int64 = 1 << 30
	tib int64 = 1 << 40
)

const (
	// assumedMemory is what a member counts on when its resources do not speak of memory: the default of the API.
	assumedMemory = 512 * mib
	// ownMemory is what the agent, its guard and a server without data need.
	ownMemory = 64 * mib
	// leastMemory is the least that a member is run with: half of it is for the rest of a server that holds 32 MiB.
	leastMemory = 128 * mib
)

// capacity is what a member has of memory, in bytes.
type capacity struct{ memory int64 }

// capacityOf reads a spec: the limit, where there is one, or else the request.
func capacityOf(spec *v1alpha1.DatabaseClusterSpec) capacity {
	for _, list := range []map[corev1.ResourceName]resource.Quantity{spec.Resources.Limits, spec.Resources.Requests} {
		if q, ok := list[corev1.ResourceMemory]; ok {
			return capacity{memory: q.Value()}
		}
	}
	return capacity{memory: assumedMemory}
}

// backlog is how much of what was written is kept for replicas that come back: who was away for longer gets a copy of
// everything. It counts as data.
func (c capacity) backlog() int64 { return clamp(c.memory/32, mib, 512*mib) }

// replicaBuffer is how much may wait for replicas that cannot follow, before they are cut off and come back by the
// backlog or by a copy. It lies outside of what is counted as data, once for all replicas.
func (c capacity) replicaBuffer() int64 { return clamp(c.memory/8, 16*mib, gib) }

// mostData is all that is neither AtlasDB's nor kept free for replicas.
func (c capacity) mostData() int64 { return max(c.memory-ownMemory-c.replicaBuffer(), mib) }

// data is maxmemory. A snapshot, a rewrite of the log and a copy for a replica are each written by a child process that
// shares the server's memory: whatever is changed meanwhile is there twice. So a third stays free, for half of the data
// to be changed in the time of one snapshot, and for what the allocator cannot use. It is kept free where nothing is
// written to a disk too: a replica may be added at any time, and maxmemory must not shrink below the data then.
func (c capacity) data() int64 { return c.mostData() * 2 / 3 / mib * mib }

func clamp(value, least, most int64) int64 { return min(max(value, least), most) }

// bytesOf writes bytes as the server reads them and gives them back: as a number.
func bytesOf(bytes int64) string { return strconv.FormatInt(bytes, 10) }
