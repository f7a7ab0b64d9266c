// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strconv"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// MaxMembers is the most members of a shard, MaxShards the most shards of a cluster, as the schema of DatabaseCluster
// has them, MaxEnsemble the most members of an ensemble. Ordinals are below them, so the rights of a cluster's pods can
// be named before the pods exist.
const (
	MaxMembers  = 7
	MaxShards   = 32
	MaxEnsemble = 5
)

// ReadWriteServiceName is the name of the Service that reaches whoever accepts writes.
func ReadWriteServiceName(cluster string) string { return cluster + "-rw" }

// ReadOnlyServiceName is the name of the Service that reaches the ready replicas.
func ReadOnlyServiceName(cluster string) string { return cluster + "-ro" }

// AppSecretName is the name of the Secret with all that an application needs to connect.
func AppSecretName(cluster string) string { return cluster + "-app" }

// internalName begins the name of everything that users need not know, and names the objects of which there is one per
// kind. The suffix keeps an application that is called like the cluster out of the way.
func internalName(cluster string) string { return cluster + "-db" }

// PlanSecretName is the name of the Secret through which the operator speaks to the agents.
func PlanSecretName(cluster string) string { return internalName(cluster) + "-plan" }

// TLSSecretName is the name of the Secret with the members' certificates.
func TLSSecretName(cluster string) string { return internalName(cluster) + "-tls" }

// CASecretName is the name of the Secret with the key of the cluster's certificate authority. No pod mounts it.
func CASecretName(cluster string) string { return internalName(cluster) + "-ca" }

// HeadlessServiceName is the name of the Service that gives each member its DNS name.
func HeadlessServiceName(cluster string) string { return internalName(cluster) }

// ServiceAccountName is the name of the members' ServiceAccount.
func ServiceAccountName(cluster string) string { return internalName(cluster) }

// RoleName is the name of the members' Role and of its RoleBinding.
func RoleName(cluster string) string { return internalName(cluster) }

// LeaseName is the name of the Lease whose holder is the primary.
func LeaseName(cluster string) string { return internalName(cluster) }

// PodDisruptionBudgetName is the name of the PodDisruptionBudget of a shard's members.
func PodDisruptionBudgetName(cluster *v1alpha1.DatabaseCluster, shard int) string {
	return groupName(cluster, Place{Shard: shard})
}

// NetworkPolicyName is the name of the members' NetworkPolicy.
func NetworkPolicyName(cluster string) string { return internalName(cluster) }

// EnsembleName is the name of the objects of which an ensemble has one per kind: its NetworkPolicy and its
// PodDisruptionBudget.
func EnsembleName(cluster, component string) string { return internalName(cluster) + "-" + component }

// MemberName is the name of a member, of its pod and of its volume: its ordinal after the name of its group.
func MemberName(cluster *v1alpha1.DatabaseCluster, at Place) string {
	return numbered(groupName(cluster, at), at.Ordinal)
}

// groupName begins the names of the members of a shard or of an ensemble. A cluster without shards is one group, and
// numbers none.
func groupName(cluster *v1alpha1.DatabaseCluster, at Place) string {
	switch {
	case at.Component != "":
		return EnsembleName(cluster.Name, at.Component)
	case cluster.Spec.Shards == nil:
		return internalName(cluster.Name)
	}
	return numbered(internalName(cluster.Name), at.Shard)
}

func numbered(name string, number int) string { return name + "-" + strconv.Itoa(number) }

// MemberHost is the DNS name of a member within the Kubernetes cluster. It needs no cluster domain, and the members'
// certificates are valid for it.
func MemberHost(cluster, namespace, member string) string {
	return member + "." + serviceHost(HeadlessServiceName(cluster), namespace)
}

// serviceHost is the DNS name of a Service within the Kubernetes cluster.
func serviceHost(service, namespace string) string { return service + "." + namespace + ".svc" }

// clusterDomain is the DNS domain that most Kubernetes clusters have. It only adds names to certificates.
const clusterDomain = "cluster.local"

// ServerNames are the DNS names under which the members are reached, for their certificates.
func ServerNames(cluster, namespace string) []string {
	members := "*." + serviceHost(HeadlessServiceName(cluster), namespace)
	names := []string{members, members + "." + clusterDomain}
	for _, service := range []string{ReadWriteServiceName(cluster), ReadOnlyServiceName(cluster)} {
		host := serviceHost(service, namespace)
		names = append(names, service, service+"."+namespace, host, host+"."+clusterDomain)
	}
	return append(names, "localhost")
}
