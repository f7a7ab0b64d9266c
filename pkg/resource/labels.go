// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"maps"
	"strconv"
	"strings"

	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Labels that Kubernetes recommends, for people and dashboards; AtlasDB itself selects by its own.
const (
	labelName     = "app.kubernetes.io/name"
	labelInstance = "app.kubernetes.io/instance"
)

// commonLabels are on every object of a cluster.
func commonLabels(cluster *v1alpha1.DatabaseCluster) map[string]string {
	return map[string]string{
		labelName:               engineName(cluster),
		labelInstance:           cluster.Name,
		v1alpha1.LabelManagedBy: v1alpha1.ManagedBy,
		v1alpha1.LabelCluster:   cluster.Name,
	}
}

// memberLabels are on the pod and on the volume of a member.
func memberLabels(cluster *v1alpha1.DatabaseCluster, member, build string) map[string]string {
	l := commonLabels(cluster)
	at, _ := PlaceOf(cluster, member)
	maps.Copy(l, groupSelection(cluster, at))
	if cluster.Spec.Shards != nil && at.Component == "" {
		l[v1alpha1.LabelOrdinal] = strconv.Itoa(at.Ordinal)
	}
	l[v1alpha1.LabelMember] = member
	l[v1alpha1.LabelEngine] = engineName(cluster)
	l[v1alpha1.LabelBuild] = build
	return l
}

// engineName is the engine as a label value.
func engineName(cluster *v1alpha1.DatabaseCluster) string {
	return strings.ToLower(string(cluster.Spec.Engine))
}

// memberSelection are the labels by which the pods of all members are selected. It is in the selectors of objects that
// exist, so it never changes.
func memberSelection(cluster string) map[string]string {
	return componentSelection(cluster, v1alpha1.ComponentMember)
}

// componentSelection are the labels by which the pods of the members are selected, or those of an ensemble.
func componentSelection(cluster, component string) map[string]string {
	return map[string]string{v1alpha1.LabelCluster: cluster, v1alpha1.LabelComponent: component}
}

// groupSelection are the labels by which the pods of a group are selected: those of a shard, which are all members in a
// cluster without shards, or those of an ensemble.
func groupSelection(cluster *v1alpha1.DatabaseCluster, at Place) map[string]string {
	if at.Component != "" {
		return componentSelection(cluster.Name, at.Component)
	}
	s := memberSelection(cluster.Name)
	if cluster.Spec.Shards != nil {
		s[v1alpha1.LabelShard] = strconv.Itoa(at.Shard)
	}
	return s
}

// podSelection are the labels by which all pods that AtlasDB made for a cluster are selected.
func podSelection(cluster string) map[string]string {
	return map[string]string{v1alpha1.LabelCluster: cluster, v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
}

// roleSelection are the labels by which the pods of one role are selected.
func roleSelection(cluster, role string) map[string]string {
	s := memberSelection(cluster)
	s[v1alpha1.LabelRole] = role
	return s
}

// MemberSelector selects the pods of all members, in the form of status.selector.
func MemberSelector(cluster string) string {
	return v1alpha1.LabelCluster + "=" + cluster + "," + v1alpha1.LabelComponent + "=" + v1alpha1.ComponentMember
}

// selectMembers selects the pods of all members, in the form of other objects' selectors.
func selectMembers(cluster string) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(memberSelection(cluster))
}

// selectGroup selects the pods of a shard or of an ensemble, in the form of other objects' selectors.
func selectGroup(cluster *v1alpha1.DatabaseCluster, at Place) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(groupSelection(cluster, at))
}

// selectOrdinal selects the pods that have an ordinal, one of each shard.
func selectOrdinal(cluster *v1alpha1.DatabaseCluster, ordinal int) *metav1ac.LabelSelectorApplyConfiguration {
	return selectMembers(cluster.Name).WithMatchLabels(map[string]string{v1alpha1.LabelOrdinal: strconv.Itoa(ordinal)})
}
