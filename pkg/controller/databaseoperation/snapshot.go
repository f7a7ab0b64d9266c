// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Snapshot is all that a pass knows. It is a value: a test can write one by hand.
type Snapshot struct {
	// Operation is the operation.
	Operation *v1alpha1.DatabaseOperation
	// Cluster is the cluster that it is about; nil when there is none, or when it is going.
	Cluster *v1alpha1.DatabaseCluster
	// Topology says how the members work together.
	Topology engine.Topology
	// Before is the name of another operation of the cluster that comes first, "" when this one is next.
	Before string
	// Members are the members that have a pod, by name; those of an ensemble too, since they restart like others.
	Members map[string]Member
	// Now is the time of the pass, in whole seconds.
	Now metav1.Time
}

// Member is one member of the cluster.
type Member struct {
	Name   string
	Pod    *corev1.Pod
	Report engine.MemberReport
}

// observe makes the snapshot of one operation, from the informers' caches.
func (c *Controller) observe(op *v1alpha1.DatabaseOperation) (Snapshot, error) {
	s := Snapshot{Operation: op, Now: metav1.NewTime(c.now())}
	cluster, err := c.clusters.DatabaseClusters(op.Namespace).Get(op.Spec.ClusterRef.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return Snapshot{}, fmt.Errorf("reading DatabaseCluster: %w", err)
	}
	if err == nil && cluster.DeletionTimestamp == nil {
		s.Cluster = cluster
		if e := c.engines[cluster.Spec.Engine]; e != nil {
			s.Topology = e.Topology(&cluster.Spec)
		}
	}
	if s.Members, err = c.members(op); err != nil {
		return Snapshot{}, err
	}
	s.Before, err = c.before(op)
	return s, err
}

// members finds the members of an operation's cluster. One whose report cannot be read is left out.
func (c *Controller) members(op *v1alpha1.DatabaseOperation) (map[string]Member, error) {
	pods, err := c.pods.Pods(op.Namespace).List(labels.SelectorFromSet(labels.Set{
		v1alpha1.LabelCluster: op.Spec.ClusterRef.Name,
	}))
	if err != nil {
		return nil, fmt.Errorf("reading pods: %w", err)
	}
	members := map[string]Member{}
	for _, pod := range pods {
		report, err := engine.DecodeReport(pod.Annotations[v1alpha1.AnnotationMember])
		if _, member := pod.Labels[v1alpha1.LabelComponent]; member && err == nil {
			members[pod.Name] = Member{pod.Name, pod, report}
		}
	}
	return members, nil
}

// before finds the operation of the same cluster that comes first: one that has begun, or else the oldest.
func (c *Controller) before(op *v1alpha1.DatabaseOperation) (string, error) {
	all, err := c.operations.DatabaseOperations(op.Namespace).List(labels.Everything())
	if err != nil {
		return "", fmt.Errorf("reading DatabaseOperations: %w", err)
	}
	first := op
	for _, other := range all {
		if other.Spec.ClusterRef != op.Spec.ClusterRef || other.Status.CompletionTime != nil ||
			other.DeletionTimestamp != nil {
			continue
		}
		if other.InForce() != first.InForce() {
			if other.InForce() {
				first = other
			}
			continue
		}
		if other.OlderThan(first) {
			first = other
		}
	}
	if first.UID == op.UID {
		return "", nil
	}
	return first.Name, nil
}

// sharded says that there is a primary in each of several shards.
func (s Snapshot) sharded() bool { return s.Cluster.Spec.Shards != nil }

// primary is the member that says it is primary and that status names; with shards, the one of the shard that the
// operation is about.
func (s Snapshot) primary() (primary Member, ok bool) {
	about, _ := resource.PlaceOf(s.Cluster, s.Operation.Member())
	for _, m := range s.Members {
		if m.Report.Role != v1alpha1.RolePrimary || m.Pod.DeletionTimestamp != nil {
			continue
		}
		at, _ := resource.PlaceOf(s.Cluster, m.Name)
		if at.Component != "" {
			continue // an ensemble has a leader that is nobody's primary
		}
		named := m.Name == s.Cluster.Status.Primary
		elected := s.sharded() && at.Shard == about.Shard && (!ok || m.Report.Epoch > primary.Report.Epoch)
		if named || elected {
			primary, ok = m, true
		}
	}
	return primary, ok
}

// refusal is what a member says why it could not do what the operation asks for.
func (s Snapshot) refusal() (string, bool) {
	for _, m := range s.Members {
		if r := m.Report.Switchover; r != nil && r.ID == string(s.Operation.UID) {
			return m.Name + ": " + r.Message, true
		}
	}
	return "", false
}
