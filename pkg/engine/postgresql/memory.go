// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Bytes, in the powers that both Kubernetes (Mi) and PostgreSQL (MB) mean.
const (
	kib int64 = 1 << 10
	mib int64 = 1 << 20
	gib int64 = 1 << 30
	tib int64 = 1 << 40
)

const (
	// assumedMemory is what a member counts on when its resources do not speak of memory: the default of the API.
	assumedMemory = 512 * mib
	// ownMemory is what the agent, its guard and the server's background processes need before any data is cached.
	ownMemory = 64 * mib
	// connectionMemory is what a connection costs without doing anything.
	connectionMemory = mib
)

// capacity is what a member has.
type capacity struct {
	// memory and storage are in bytes.
	memory, storage int64
	// cores are whole CPUs, at least one.
	cores int64
}

// capacityOf reads a spec: the limit, where there is one, or else the request.
func capacityOf(spec *v1alpha1.DatabaseClusterSpec) capacity {
	c := capacity{memory: assumedMemory, storage: spec.Storage.Size.Value(), cores: 1}
	if q, ok := limitOrRequest(spec, corev1.ResourceMemory); ok {
		c.memory = q.Value()
	}
	if q, ok := limitOrRequest(spec, corev1.ResourceCPU); ok {
		c.cores = max(1, q.Value()) // Value rounds up
	}
	return c
}

func limitOrRequest(spec *v1alpha1.DatabaseClusterSpec, name corev1.ResourceName) (resource.Quantity, bool) {
	if q, ok := spec.Resources.Limits[name]; ok {
		return q, true
	}
	q, ok := spec.Resources.Requests[name]
	return q, ok
}

// sharedBuffers is the server's own cache: a quarter of the memory, so that the kernel's cache has room too. Above a
// tebibyte the server's bookkeeping costs more than the cache brings.
func (c capacity) sharedBuffers() int64 { return min(c.memory/4, tib) }

// effectiveCacheSize is what the planner believes to be cached, by the server or by the kernel. In a small member the
// processes take a larger part.
func (c capacity) effectiveCacheSize() int64 {
	if c.memory < gib {
		return c.memory / 2
	}
	return min(c.memory/4*3, 8*tib)
}

// workMem is for one sort or hash. A query can have several, so a third of a connection's share.
func (c capacity) workMem(sharedBuffers, connections int64) int64 {
	return clamp((c.memory-sharedBuffers)/(3*connections), 2*mib, 256*mib)
}

// maintenanceWorkMem is for VACUUM and for building indexes. Three autovacuum workers may take it at once.
func (c capacity) maintenanceWorkMem() int64 { return clamp(c.memory/16, 32*mib, 2*gib) }

// maxWALSize is how much WAL may lie between two checkpoints. More makes recovery after a crash longer.
func (c capacity) maxWALSize() int64 { return clamp(c.storage/10, 96*mib, 16*gib) }

// minWALSize is how much WAL is kept for reuse. The server wants at least two segments of 16 MB.
func (c capacity) minWALSize() int64 { return max(c.maxWALSize()/4, 32*mib) }

// walKeepSize is WAL that is kept for replicas that have no slot yet, as right after a change of primary.
func (c capacity) walKeepSize() int64 { return min(c.storage/20, 2*gib) }

// maxSlotWALKeepSize bounds what a replica that is away can make its primary keep. Without a bound it fills the volume
// and stops the database; a replica that was away for longer is copied anew.
func (c capacity) maxSlotWALKeepSize() int64 { return c.storage / 4 }

// parallelWorkers may help all queries together, at most as many as a standby is sure to have.
func (c capacity) parallelWorkers() int64 { return min(c.cores, maxWorkerProcesses-8) }

// parallelWorkersPerQuery may help one query. With one CPU they only stand in each other's way.
func (c capacity) parallelWorkersPerQuery() int64 { return min(c.cores/2, 4) }

// memoryNeeded is the least memory for a cache and a number of connections.
func memoryNeeded(sharedBuffers, connections int64) int64 {
	return ownMemory + sharedBuffers + connections*connectionMemory
}

// leastMemory is the least memory of a member whose shared_buffers are computed: a quarter of itself.
func leastMemory(connections int64) int64 {
	rest := memoryNeeded(0, connections)
	return (rest*4 + 2) / 3
}

func clamp(value, least, most int64) int64 { return min(max(value, least), most) }

// megabytes writes bytes as PostgreSQL reads them, rounded down to whole MB.
func megabytes(bytes int64) string { return strconv.FormatInt(bytes/mib, 10) + "MB" }
