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
// primary is not Ready until it has found its members. The members of an ensemble have theirs by the same Service,
// since one certificate is then good for all.
func HeadlessService(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits, topology engine.Topology,
) *corev1ac.ServiceApplyConfiguration {
	selection := memberSelection(cluster.Name)
	if topology.Ensemble != nil {
		selection = podSelection(cluster.Name)
	}
	s := service(cluster, traits, HeadlessServiceName(cluster.Name))
	s.Spec.WithClusterIP(corev1.ClusterIPNone).
		WithPublishNotReadyAddresses(true).
		WithSelector(selection)
	return s
}

// ReadWriteService reaches the primary. It follows the role label that agents set. Where every member accepts writes
// there is no such label to follow, and it reaches all that are Ready.
func ReadWriteService(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits, topology engine.Topology,
) *corev1ac.ServiceApplyConfiguration {
	selection := roleSelection(cluster.Name, v1alpha1.RoleLabelPrimary)
	if topology.Leadership == engine.LeadershipNone {
		selection = memberSelection(cluster.Name)
	}
	s := service(cluster, traits, ReadWriteServiceName(cluster.Name))
	s.Spec.WithSelector(selection)
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
	spec := corev1ac.ServiceSpec()
	for _, p := range namedClientPorts(traits) {
		spec.WithPorts(corev1ac.ServicePort().
			WithName(p.Name).
			WithProtocol(corev1.ProtocolTCP). // a key of the list, so it must be said
			WithPort(p.Number).
			WithTargetPort(intstr.FromString(p.Name)))
	}
	return corev1ac.Service(name, cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(spec)
}

// namedClientPorts are all ports for clients.
func namedClientPorts(traits engine.Traits) []engine.Port {
	return append([]engine.Port{{Name: ClientPortName, Number: traits.ClientPort}}, traits.ClientPorts...)
}
