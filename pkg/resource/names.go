// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strconv"
	"strings"
)

// MaxMembers is the most members of a cluster, as the schema of DatabaseCluster has it. Members have the ordinals below
// it, so the rights of a cluster's pods can be named before the pods exist.
const MaxMembers = 7

// ReadWriteServiceName is the name of the Service that reaches the primary.
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

// PodDisruptionBudgetName is the name of the members' PodDisruptionBudget.
func PodDisruptionBudgetName(cluster string) string { return internalName(cluster) }

// NetworkPolicyName is the name of the members' NetworkPolicy.
func NetworkPolicyName(cluster string) string { return internalName(cluster) }

// MemberName is the name of a member, of its pod and of its volume.
func MemberName(cluster string, ordinal int) string {
	return internalName(cluster) + "-" + strconv.Itoa(ordinal)
}

// Ordinal gives the ordinal of a member; ok is false for a name that MemberName does not give to any member.
func Ordinal(cluster, member string) (ordinal int, ok bool) {
	digits, found := strings.CutPrefix(member, internalName(cluster)+"-")
	ordinal, err := strconv.Atoi(digits)
	// Comparing with the name made again refuses "-07" and "-+7", which would be second names of one member.
	if !found || err != nil || ordinal >= MaxMembers || member != MemberName(cluster, ordinal) || ordinal < 0 {
		return 0, false
	}
	return ordinal, true
}

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
