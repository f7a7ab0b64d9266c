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
	members := networkingv1ac.NetworkPolicyPeer().WithPodSelector(selectMembers(cluster.Name))
	monitoring := networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(
		metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelMetrics: "true"}))
	return networkingv1ac.NetworkPolicy(NetworkPolicyName(cluster.Name), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(selectMembers(cluster.Name)).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(
				allow(clients(cluster), traits.ClientPort),
				allow(peers{members}, between...),
				allow(peers{monitoring}, MetricsPort)))
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
