// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// schedule says on which nodes a member may run.
func schedule(spec *corev1ac.PodSpecApplyConfiguration, cluster *v1alpha1.DatabaseCluster, at Place) {
	wanted := cluster.Spec.Scheduling
	if len(wanted.NodeSelector) > 0 {
		spec.WithNodeSelector(wanted.NodeSelector)
	}
	if wanted.PriorityClassName != "" {
		spec.WithPriorityClassName(wanted.PriorityClassName)
	}
	for _, t := range wanted.Tolerations {
		spec.WithTolerations(toleration(t))
	}
	group := selectGroup(cluster, at)
	spread(spec, group, corev1.LabelHostname, wanted.Spread.Node)
	spread(spec, group, corev1.LabelTopologyZone, wanted.Spread.Zone)
	if cluster.Spec.Shards != nil && at.Component == "" {
		avoid(spec, selectOrdinal(cluster, at.Ordinal))
	}
}

// avoid keeps members of the same ordinal apart where nodes allow it: the first of each shard is its first primary, and
// were those on one node, its loss would take the majority that has to elect their successors. It is an affinity since
// a pod may have only one spread constraint for nodes.
func avoid(spec *corev1ac.PodSpecApplyConfiguration, others *metav1ac.LabelSelectorApplyConfiguration) {
	antiAffinity(spec).WithPreferredDuringSchedulingIgnoredDuringExecution(corev1ac.WeightedPodAffinityTerm().
		WithWeight(100).
		WithPodAffinityTerm(corev1ac.PodAffinityTerm().
			WithTopologyKey(corev1.LabelHostname).
			WithLabelSelector(others)))
}

// antiAffinity is where a pod says which others it avoids.
func antiAffinity(spec *corev1ac.PodSpecApplyConfiguration) *corev1ac.PodAntiAffinityApplyConfiguration {
	if spec.Affinity == nil {
		spec.WithAffinity(corev1ac.Affinity().WithPodAntiAffinity(corev1ac.PodAntiAffinity()))
	}
	return spec.Affinity.PodAntiAffinity
}

// spread keeps the members of a group off each other: what they have, others have not. Required is an anti-affinity and
// not a spread constraint: a constraint would let the fourth member share one of three nodes, and Required means rather
// wait than share.
func spread(
	spec *corev1ac.PodSpecApplyConfiguration, group *metav1ac.LabelSelectorApplyConfiguration, topologyKey string,
	how v1alpha1.Spread,
) {
	if how != v1alpha1.SpreadRequired {
		spec.WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).
			WithTopologyKey(topologyKey).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(group))
		return
	}
	antiAffinity(spec).WithRequiredDuringSchedulingIgnoredDuringExecution(
		corev1ac.PodAffinityTerm().WithTopologyKey(topologyKey).WithLabelSelector(group))
}

// toleration turns a toleration of the API into one to apply, leaving out what it leaves out.
func toleration(t corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	wanted := corev1ac.Toleration()
	if t.Key != "" {
		wanted.WithKey(t.Key)
	}
	if t.Operator != "" {
		wanted.WithOperator(t.Operator)
	}
	if t.Value != "" {
		wanted.WithValue(t.Value)
	}
	if t.Effect != "" {
		wanted.WithEffect(t.Effect)
	}
	if t.TolerationSeconds != nil {
		wanted.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return wanted
}
