// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"k8s.io/apimachinery/pkg/util/intstr"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// PodDisruptionBudget lets one member of a shard at a time be evicted. The disruption controller counts how many there
// should be through the scale subresource of the DatabaseCluster, which speaks of the members of one shard, and how
// many are there by their readiness: a replica is Ready only when it has caught up, so a drain waits for it. A single
// member has no budget: one would block every drain.
func PodDisruptionBudget(
	cluster *v1alpha1.DatabaseCluster, shard int,
) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(PodDisruptionBudgetName(cluster, shard), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithSelector(selectGroup(cluster, Place{Shard: shard})))
}

// EnsembleBudget lets one member of an ensemble at a time be evicted. It says how many must stay as a number: the scale
// subresource speaks of the members of a shard, and knows nothing of the ensemble. An ensemble of one has no budget.
func EnsembleBudget(
	cluster *v1alpha1.DatabaseCluster, ensemble engine.Ensemble,
) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(EnsembleName(cluster.Name, ensemble.Component), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMinAvailable(intstr.FromInt(ensemble.Members - 1)).
			WithSelector(selectGroup(cluster, Place{Component: ensemble.Component})))
}
