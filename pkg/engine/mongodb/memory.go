// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Bytes, in powers of two.
const (
	mib int64 = 1 << 20
	gib int64 = 1 << 30
)

const (
	// assumedMemory is what a member counts on when its resources do not speak of memory: the default of the API.
	assumedMemory = 512 * mib
	// ownMemory is what the agent and a server without data and clients need.
	ownMemory = 256 * mib
	// leastMemory is the least that a member is run with: it holds the smallest cache that there is.
	leastMemory = ownMemory + 256*mib
	// leastCache is the smallest cache that the server takes, in GB, which are powers of two to it.
	leastCache = 0.25
)

// memoryOf is what a member has, in bytes: the limit, where there is one, or else the request.
func memoryOf(spec *v1alpha1.DatabaseClusterSpec) int64 {
	for _, list := range []map[corev1.ResourceName]resource.Quantity{spec.Resources.Limits, spec.Resources.Requests} {
		if q, ok := list[corev1.ResourceMemory]; ok {
			return q.Value()
		}
	}
	return assumedMemory
}

// CacheSizeGB is the size of WiredTiger's cache for so much memory, in bytes: half of what is beyond 1 GiB, and at
// least 0.25 GB. It is the server's own formula (storage.wiredTiger.engineConfig.cacheSizeGB in
// https://www.mongodb.com/docs/manual/reference/configuration-options/). The server would take the limit of its
// container into account, but not a request, and not every runtime shows it the limit; so AtlasDB says the number.
func CacheSizeGB(memory int64) float64 {
	return max(leastCache, inGB((memory-gib)/2))
}

// mostCache is the largest cache that leaves the server room beside it.
func mostCache(memory int64) float64 { return max(leastCache, inGB(memory-ownMemory)) }

// inGB rounds down to a hundredth, which is enough for people to read and for a file that does not change by noise.
func inGB(bytes int64) float64 { return math.Floor(float64(bytes)/float64(gib)*100) / 100 }
