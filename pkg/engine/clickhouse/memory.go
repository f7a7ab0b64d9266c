// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Bytes, in powers of two.
const (
	mib int64 = 1 << 20
	gib int64 = 1 << 30
)

// ownMemory is what the agent needs beside the server.
const ownMemory = 64 * mib

// capacity is what a server has of memory, in bytes, and of CPU; 0 CPUs where nothing limits it.
type capacity struct {
	memory int64
	cpus   int64
}

// capacityOf reads resources: the memory limit where there is one, or else the request, which a server may exceed. So a
// small request counts as the least with which the server does anything.
func capacityOf(r v1alpha1.ResourcesSpec, least int64) capacity {
	c := capacity{memory: least}
	if limit, ok := quantity(r.Limits, corev1.ResourceMemory); ok {
		c.memory = limit.Value()
	} else if request, ok := quantity(r.Requests, corev1.ResourceMemory); ok {
		c.memory = max(request.Value(), least)
	}
	if limit, ok := quantity(r.Limits, corev1.ResourceCPU); ok {
		c.cpus = max(limit.Value(), 1) // Value rounds up
	}
	return c
}

func quantity(list corev1.ResourceList, name corev1.ResourceName) (resource.Quantity, bool) {
	q, ok := list[name]
	return q, ok
}

// server is the most that the server takes: a tenth stays free for what it does not count, the allocator's loss above
// all. A server that reaches its own limit ends a query; one that reaches the container's is killed.
func (c capacity) server() int64 { return (c.memory - ownMemory) / 10 * 9 / mib * mib }

// marks is the cache of where in a file which rows begin, blocks that of data: both are part of what the server takes.
func (c capacity) marks() int64  { return clamp(c.memory/8, 16*mib, 5*gib) }
func (c capacity) blocks() int64 { return clamp(c.memory/16, 8*mib, 8*gib) }

// queries is what all queries take together in a server that does not count what else it takes.
func (c capacity) queries() int64 { return c.server() - c.marks() - c.blocks() }

// query is the most that one query takes, spill from when on it sorts and groups on the disk.
func (c capacity) query(all int64) int64 { return all * 2 / 3 / mib * mib }

func spill(query int64) int64 { return query / 2 / mib * mib }

// mergers is how many threads merge parts: the vendor's sixteen, or fewer where the container has few CPUs.
func (c capacity) mergers() int64 {
	if c.cpus == 0 {
		return mostMergers
	}
	return clamp(2*c.cpus, 4, mostMergers)
}

// mostMergers is the vendor's own number.
const mostMergers = 16

func clamp(value, least, most int64) int64 { return min(max(value, least), most) }
