// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Snapshot is all that a pass knows. It is a value: nothing in it reads anything, so a test can write one by hand.
// The cluster is a copy; every other object belongs to an informer's cache and must not be changed.
type Snapshot struct {
	// Cluster is the DatabaseCluster.
	Cluster *v1alpha1.DatabaseCluster
	// Offer is the DatabaseEngine of the cluster's engine; nil when the platform does not offer it.
	Offer *v1alpha1.DatabaseEngine
	// Engine is AtlasDB's own part for the engine; nil when there is none.
	Engine engine.Engine
	// Agent is the agent of new pods.
	Agent resource.Agent
	// Now is the time of the pass, in whole seconds.
	Now metav1.Time
	// Objects are those that carry the cluster's label, by kind and name.
	Objects map[Ref]metav1.Object
	// Operation is the DatabaseOperation that is being carried out; nil when there is none.
	Operation *v1alpha1.DatabaseOperation
	// Members are the members of whom a pod or a volume exists, by shard and ordinal; those of an ensemble come last.
	Members []Member
}

// Ref names an object of the cluster's namespace.
type Ref struct {
	// Kind is one of apply.Kinds.
	Kind string
	// Name is the object's name.
	Name string
}

// Member is what there is of one member.
type Member struct {
	// Name and Place say which.
	Name string
	resource.Place
	// Pod is nil while there is none.
	Pod *corev1.Pod
	// Volume is nil while there is none.
	Volume *corev1.PersistentVolumeClaim
	// Report is what the agent of Pod said last.
	Report engine.MemberReport
}

// observe makes the snapshot of one key. found is false when there is no such cluster.
func (c *Controller) observe(key cache.ObjectName) (s Snapshot, found bool, err error) {
	cluster, err := c.clusters.DatabaseClusters(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return Snapshot{}, false, nil
	}
	if err != nil {
		return Snapshot{}, false, fmt.Errorf("reading DatabaseCluster: %w", err)
	}
	s = Snapshot{
		Cluster: cluster.DeepCopy(),
		Engine:  c.engines[cluster.Spec.Engine],
		Agent:   c.agent,
		Now:     c.now(),
		Objects: map[Ref]metav1.Object{},
	}
	if s.Offer, err = c.offer(cluster.Spec.Engine); err != nil {
		return Snapshot{}, false, err
	}
	for _, child := range c.children {
		objects, err := child.informer.GetIndexer().ByIndex(byCluster, key.String())
		if err != nil {
			return Snapshot{}, false, fmt.Errorf("reading %s: %w", child.kind, err)
		}
		for _, o := range objects {
			object, err := meta.Accessor(o)
			if err != nil {
				return Snapshot{}, false, fmt.Errorf("reading %s: %w", child.kind, err)
			}
			s.Objects[Ref{child.kind, object.GetName()}] = object
		}
	}
	s.Members = membersOf(s)
	if s.Operation, err = c.operation(key); err != nil {
		return Snapshot{}, false, err
	}
	return s, true, nil
}

// operation finds the DatabaseOperation of a cluster that has begun and not ended. Its controller lets one begin at a
// time; should two have begun all the same, the older one counts in every pass.
func (c *Controller) operation(key cache.ObjectName) (*v1alpha1.DatabaseOperation, error) {
	all, err := c.operations.DatabaseOperations(key.Namespace).List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("reading DatabaseOperations: %w", err)
	}
	var first *v1alpha1.DatabaseOperation
	for _, op := range all {
		if op.Spec.ClusterRef.Name == key.Name && op.InForce() && (first == nil || op.OlderThan(first)) {
			first = op
		}
	}
	return first, nil
}

// offer finds what the platform offers of an engine; nil when it offers nothing.
func (c *Controller) offer(t v1alpha1.EngineType) (*v1alpha1.DatabaseEngine, error) {
	offer, err := c.offers.Get(offerName(t))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading DatabaseEngine: %w", err)
	}
	return offer, nil
}

// membersOf finds the members among the objects. A report that cannot be read counts as none: its agent is of a
// protocol that this operator does not know, and will be seen as not ready. Neither does that of a pod of a former
// cluster of this name, which may be primary there to its last moment: what it says of the data would settle here whose
// data is the newest, before those who may have more were asked [seen].
func membersOf(s Snapshot) []Member {
	byName := map[string]*Member{}
	member := func(name string) *Member {
		at, ok := s.place(name)
		if !ok {
			return nil
		}
		if byName[name] == nil {
			byName[name] = &Member{Name: name, Place: at}
		}
		return byName[name]
	}
	for ref, object := range s.Objects {
		switch object := object.(type) {
		case *corev1.Pod:
			if m := member(ref.Name); m != nil {
				m.Pod = object
				m.Report, _ = engine.DecodeReport(reportIn(object, s.Cluster))
			}
		case *corev1.PersistentVolumeClaim:
			if m := member(ref.Name); m != nil {
				m.Volume = object
			}
		}
	}
	members := make([]Member, 0, len(byName))
	for _, m := range byName {
		members = append(members, *m)
	}
	slices.SortFunc(members, func(a, b Member) int { return a.Compare(b.Place) })
	return members
}

// reportIn is what the agent of a pod of this cluster said last; "" for any other pod.
func reportIn(pod *corev1.Pod, cluster *v1alpha1.DatabaseCluster) string {
	if controller := metav1.GetControllerOf(pod); controller != nil && controller.UID != cluster.UID {
		return ""
	}
	return pod.Annotations[v1alpha1.AnnotationMember]
}

// Member gives what there is of a member; the zero Member's Pod and Volume are nil.
func (s Snapshot) Member(name string) Member {
	for _, m := range s.Members {
		if m.Name == name {
			return m
		}
	}
	return Member{Name: name, Place: placeOf(s, name)}
}

// Lease gives the cluster's Lease, or nil. That of a former cluster of this name is none.
func (s Snapshot) Lease() *coordinationv1.Lease {
	lease, _ := s.Objects[Ref{"Lease", resource.LeaseName(s.Cluster.Name)}].(*coordinationv1.Lease)
	if lease == nil || ownerOf(lease, s.Cluster) > adoptable {
		return nil
	}
	return lease
}

// Secret gives a Secret of the cluster, or nil.
func (s Snapshot) Secret(name string) *corev1.Secret {
	secret, _ := s.Objects[Ref{"Secret", name}].(*corev1.Secret)
	return secret
}
