// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// NetworkPolicy says who may reach the members: clients the client port, members each other, and namespaces that are
// labelled for it the metrics. Probes come from the node, which a NetworkPolicy always lets through. Egress is not
// limited: the members must reach DNS and the API server, whose addresses differ from cluster to cluster.
func NetworkPolicy(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits, topology engine.Topology,
) *networkingv1ac.NetworkPolicyApplyConfiguration {
	between := append([]int32{traits.ClientPort, PeerPort}, topology.MemberPorts...)
	return ingressPolicy(cluster, NetworkPolicyName(cluster.Name), selectMembers(cluster.Name),
		allow(clients(cluster), clientPorts(traits)...),
		allow(peers{pods(selectMembers(cluster.Name))}, between...),
		allow(monitoring(), MetricsPort))
}

// EnsembleNetworkPolicy says who may reach an ensemble: the members of its cluster, and its own. Nobody else has to, so
// an ensemble that can neither encrypt nor ask for a password is out of everybody's reach all the same.
func EnsembleNetworkPolicy(
	cluster *v1alpha1.DatabaseCluster, ensemble engine.Ensemble,
) *networkingv1ac.NetworkPolicyApplyConfiguration {
	own := selectGroup(cluster, Place{Component: ensemble.Component})
	return ingressPolicy(cluster, EnsembleName(cluster.Name, ensemble.Component), own,
		allow(peers{pods(selectMembers(cluster.Name)), pods(own)}, append([]int32{PeerPort}, ensemble.Ports...)...),
		allow(monitoring(), MetricsPort))
}

// ingressPolicy is a policy for who may reach some pods of a cluster.
func ingressPolicy(
	cluster *v1alpha1.DatabaseCluster, name string, selector *metav1ac.LabelSelectorApplyConfiguration,
	rules ...*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration,
) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return networkingv1ac.NetworkPolicy(name, cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(selector).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(rules...))
}

// pods are pods of the cluster's own namespace.
func pods(selector *metav1ac.LabelSelectorApplyConfiguration) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().WithPodSelector(selector)
}

// monitoring is who may read metrics.
func monitoring() peers {
	return peers{networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(
		metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelMetrics: "true"}))}
}

// clientPorts are all ports for clients.
func clientPorts(traits engine.Traits) []int32 {
	var ports []int32
	for _, p := range namedClientPorts(traits) {
		ports = append(ports, p.Number)
	}
	return ports
}

// peers are those who are let in by a rule.
type peers []*networkingv1ac.NetworkPolicyPeerApplyConfiguration

// clients are the peers of the spec, or else all pods of the cluster's namespace.
func clients(cluster *v1alpha1.DatabaseCluster) peers {
	allowed := cluster.Spec.Network.AllowedPeers
	if len(allowed) == 0 {
		return peers{networkingv1ac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector())}
	}
	list := make(peers, len(allowed))
	for i, p := range allowed {
		list[i] = networkingv1ac.NetworkPolicyPeer()
		if p.NamespaceSelector != nil {
			list[i].WithNamespaceSelector(labelSelector(p.NamespaceSelector))
		}
		if p.PodSelector != nil {
			list[i].WithPodSelector(labelSelector(p.PodSelector))
		}
	}
	return list
}

// allow makes a rule. Ports carry their protocol because the server keeps the list as one piece.
func allow(from peers, ports ...int32) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	rule := networkingv1ac.NetworkPolicyIngressRule().WithFrom(from...)
	for _, port := range ports {
		rule.WithPorts(networkingv1ac.NetworkPolicyPort().
			WithProtocol(corev1.ProtocolTCP).
			WithPort(intstr.FromInt32(port)))
	}
	return rule
}

// labelSelector turns a selector of the API into one to apply.
func labelSelector(s *metav1.LabelSelector) *metav1ac.LabelSelectorApplyConfiguration {
	selector := metav1ac.LabelSelector().WithMatchLabels(s.MatchLabels)
	for _, e := range s.MatchExpressions {
		selector.WithMatchExpressions(metav1ac.LabelSelectorRequirement().
			WithKey(e.Key).WithOperator(e.Operator).WithValues(e.Values...))
	}
	return selector
}
