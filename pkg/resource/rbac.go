// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// ServiceAccount is what the members are to the API server. It mounts no token by itself: the members' pods ask for
// one, and a pod that somebody else starts under this account has to ask too.
func ServiceAccount(cluster *v1alpha1.DatabaseCluster) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(ServiceAccountName(cluster.Name), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithAutomountServiceAccountToken(false)
}

// Role is all that a member may do: read its plan, hold the Lease if there is one, and say its role and report on the
// members' pods. Every rule names its objects, so a stolen token reaches no other cluster. The verb list is there for
// watches that fall back to it; it too is limited to the names.
func Role(cluster *v1alpha1.DatabaseCluster, topology engine.Topology) *rbacv1ac.RoleApplyConfiguration {
	rules := []*rbacv1ac.PolicyRuleApplyConfiguration{
		rbacv1ac.PolicyRule().WithAPIGroups("").WithResources("secrets").
			WithResourceNames(PlanSecretName(cluster.Name)).WithVerbs("get", "list", "watch"),
		rbacv1ac.PolicyRule().WithAPIGroups("coordination.k8s.io").WithResources("leases").
			WithResourceNames(LeaseName(cluster.Name)).WithVerbs("get", "list", "watch", "update"),
		rbacv1ac.PolicyRule().WithAPIGroups("").WithResources("pods").
			WithResourceNames(possibleMembers(cluster, topology)...).WithVerbs("get", "list", "watch", "patch"),
	}
	if topology.Leadership != engine.LeadershipLease {
		rules = slices.Delete(rules, 1, 2)
	}
	return rbacv1ac.Role(RoleName(cluster.Name), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithRules(rules...)
}

// possibleMembers are the names that members may have. A pod is named before it exists, so that a new member is not
// refused while its rights arrive.
func possibleMembers(cluster *v1alpha1.DatabaseCluster, topology engine.Topology) []string {
	shards := PossibleShards(cluster)
	names := make([]string, 0, shards*MaxMembers)
	for shard := range shards {
		for ordinal := range MaxMembers {
			names = append(names, MemberName(cluster, Place{Shard: shard, Ordinal: ordinal}))
		}
	}
	if topology.Ensemble != nil {
		for ordinal := range MaxEnsemble {
			names = append(names, MemberName(cluster, Place{Component: topology.Ensemble.Component, Ordinal: ordinal}))
		}
	}
	return names
}

// RoleBinding gives the Role to the ServiceAccount.
func RoleBinding(cluster *v1alpha1.DatabaseCluster) *rbacv1ac.RoleBindingApplyConfiguration {
	return rbacv1ac.RoleBinding(RoleName(cluster.Name), cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSubjects(rbacv1ac.Subject().
			WithKind(rbacv1.ServiceAccountKind).
			WithName(ServiceAccountName(cluster.Name)).
			WithNamespace(cluster.Namespace)).
		WithRoleRef(rbacv1ac.RoleRef().
			WithAPIGroup(rbacv1.GroupName).
			WithKind("Role").
			WithName(RoleName(cluster.Name)))
}
