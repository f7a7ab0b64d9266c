// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// HeadlessService gives each member its own DNS name, before it is ready: replicas find their primary by it, and a
// primary is not Ready until it has found its members.
func HeadlessService(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits,
) *corev1ac.ServiceApplyConfiguration {
	s := service(cluster, traits, HeadlessServiceName(cluster.Name))
	s.Spec.WithClusterIP(corev1.ClusterIPNone).
		WithPublishNotReadyAddresses(true).
		WithSelector(memberSelection(cluster.Name))
	return s
}

// ReadWriteService reaches the primary. It follows the role label that agents set.
func ReadWriteService(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits,
) *corev1ac.ServiceApplyConfiguration {
	s := service(cluster, traits, ReadWriteServiceName(cluster.Name))
	s.Spec.WithSelector(roleSelection(cluster.Name, v1alpha1.RoleLabelPrimary))
	return s
}

// ReadOnlyService reaches the replicas that are Ready, which is to say caught up.
func ReadOnlyService(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits,
) *corev1ac.ServiceApplyConfiguration {
	s := service(cluster, traits, ReadOnlyServiceName(cluster.Name))
	s.Spec.WithSelector(roleSelection(cluster.Name, v1alpha1.RoleLabelReplica))
	return s
}

// service is what the Services have in common. The target is the port's name, not its number, so that a pod decides
// where its engine listens.
func service(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits, name string,
) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(corev1ac.ServiceSpec().WithPorts(corev1ac.ServicePort().
			WithName(ClientPortName).
			WithProtocol(corev1.ProtocolTCP). // a key of the list, so it must be said
			WithPort(traits.ClientPort).
			WithTargetPort(intstr.FromString(ClientPortName))))
}
