// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// LeaseDurationSeconds is for how long a Lease that nobody renews keeps others from becoming primary. It is written
// into the Lease, and whoever waits goes by what is written (PROTOCOL, timings).
const LeaseDurationSeconds = 10

// Lease is the Lease whose holder is the primary: held by an incarnation or, while no data was born, by nobody (""), in
// the given epoch. The operator only creates it; from then on it belongs to the agents.
func Lease(cluster *v1alpha1.DatabaseCluster, holder string, epoch int64) *coordinationv1ac.LeaseApplyConfiguration {
	spec := coordinationv1ac.LeaseSpec().WithLeaseDurationSeconds(LeaseDurationSeconds)
	if holder != "" {
		spec.WithHolderIdentity(holder) // the server refuses an empty one
	}
	if epoch > 0 {
		spec.WithLeaseTransitions(int32(epoch))
	}
	return coordinationv1ac.Lease(LeaseName(cluster.Name), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(spec)
}
