// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// newSpec is a spec with the defaults of the API.
func newSpec(memory string) *v1alpha1.DatabaseClusterSpec {
	return &v1alpha1.DatabaseClusterSpec{
		Engine:     v1alpha1.EngineClickHouse,
		Version:    "25.8",
		Members:    3,
		Durability: v1alpha1.DurabilityMajority,
		Storage:    v1alpha1.StorageSpec{Size: resource.MustParse("10Gi")},
		Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse(memory),
		}},
		Network: v1alpha1.NetworkSpec{TLS: v1alpha1.TLSSpec{Mode: v1alpha1.TLSRequired}},
	}
}

// sizes are members from the least to a large machine.
var sizes = []string{"512Mi", "1Gi", "4Gi", "64Gi"}
