// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"maps"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	atlasinformers "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	atlasv1alpha1 "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions/atlasdb/v1alpha1"
)

// child is one kind of object that clusters are made of, and the informer that watches it.
type child struct {
	kind     string
	informer cache.SharedIndexInformer
}

// byCluster is the index of children by the cluster whose label they carry, "namespace/name".
const byCluster = "cluster"

// childrenFrom lists the informers of all kinds of apply.Kinds.
func childrenFrom(f informers.SharedInformerFactory) []child {
	return []child{
		{"Pod", f.Core().V1().Pods().Informer()},
		{"PersistentVolumeClaim", f.Core().V1().PersistentVolumeClaims().Informer()},
		{"Service", f.Core().V1().Services().Informer()},
		{"Secret", f.Core().V1().Secrets().Informer()},
		{"ServiceAccount", f.Core().V1().ServiceAccounts().Informer()},
		{"Role", f.Rbac().V1().Roles().Informer()},
		{"RoleBinding", f.Rbac().V1().RoleBindings().Informer()},
		{"Lease", f.Coordination().V1().Leases().Informer()},
		{"PodDisruptionBudget", f.Policy().V1().PodDisruptionBudgets().Informer()},
		{"NetworkPolicy", f.Networking().V1().NetworkPolicies().Informer()},
	}
}

// handle registers the handlers. They do one thing: turn an event into the key of the cluster that it is about.
func (c *Controller) handle(f atlasinformers.SharedInformerFactory) error {
	clusters, err := f.AtlasDB().V1alpha1().DatabaseClusters().TypedInformer().
		AddTypedEventHandler(atlasv1alpha1.DatabaseClusterHandlerFuncs{
			AddFunc:    func(o *v1alpha1.DatabaseCluster) { c.loop.Enqueue(cache.MetaObjectToName(o)) },
			UpdateFunc: func(_, o *v1alpha1.DatabaseCluster) { c.loop.Enqueue(cache.MetaObjectToName(o)) },
			DeleteFunc: func(d atlasv1alpha1.DeletedDatabaseCluster) { c.loop.Enqueue(d.GetObjectName()) },
		})
	if err != nil {
		return fmt.Errorf("of DatabaseClusters: %w", err)
	}
	offers, err := f.AtlasDB().V1alpha1().DatabaseEngines().TypedInformer().
		AddTypedEventHandler(atlasv1alpha1.DatabaseEngineHandlerFuncs{
			AddFunc:    func(o *v1alpha1.DatabaseEngine) { c.enqueueClustersOf(o.Name) },
			UpdateFunc: func(_, o *v1alpha1.DatabaseEngine) { c.enqueueClustersOf(o.Name) },
			DeleteFunc: func(d atlasv1alpha1.DeletedDatabaseEngine) { c.enqueueClustersOf(d.GetObjectName().Name) },
		})
	if err != nil {
		return fmt.Errorf("of DatabaseEngines: %w", err)
	}
	operations, err := c.handleOperations(f)
	if err != nil {
		return fmt.Errorf("of DatabaseOperations: %w", err)
	}
	c.synced = append(c.synced, clusters.HasSyncedChecker(), offers.HasSyncedChecker(), operations)
	for _, child := range c.children {
		if err := c.handleChild(child); err != nil {
			return fmt.Errorf("of %s: %w", child.kind, err)
		}
	}
	return nil
}

// handleOperations enqueues the cluster that an operation is about.
func (c *Controller) handleOperations(f atlasinformers.SharedInformerFactory) (cache.DoneChecker, error) {
	enqueue := func(o *v1alpha1.DatabaseOperation) {
		c.loop.Enqueue(cache.NewObjectName(o.Namespace, o.Spec.ClusterRef.Name))
	}
	registration, err := f.AtlasDB().V1alpha1().DatabaseOperations().TypedInformer().
		AddTypedEventHandler(atlasv1alpha1.DatabaseOperationHandlerFuncs{
			AddFunc:    enqueue,
			UpdateFunc: func(_, o *v1alpha1.DatabaseOperation) { enqueue(o) },
			DeleteFunc: func(d atlasv1alpha1.DeletedDatabaseOperation) {
				if o := d.OptionalObj; o != nil {
					enqueue(o)
				}
			},
		})
	if err != nil {
		return nil, err
	}
	return registration.HasSyncedChecker(), nil
}

// handleChild indexes and watches one kind of child. A child is found by its label and not by its owner reference: a
// volume that was kept has no owner, and an object that lost its owner is to be mended.
func (c *Controller) handleChild(ch child) error {
	err := ch.informer.AddIndexers(cache.Indexers{byCluster: func(o any) ([]string, error) {
		if key, ok := clusterOf(o); ok {
			return []string{key.String()}, nil
		}
		return nil, nil
	}})
	if err != nil {
		return err
	}
	registration, err := ch.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.enqueueOwner,
		UpdateFunc: func(was, is any) {
			if isRenewal(was, is) {
				return
			}
			if isReport(was, is) {
				key, _ := clusterOf(is)
				c.loop.EnqueueBatch(key)
				return
			}
			c.enqueueOwner(was) // the label may have moved
			c.enqueueOwner(is)
		},
		DeleteFunc: c.enqueueOwner,
	})
	if err != nil {
		return err
	}
	c.synced = append(c.synced, registration.HasSyncedChecker())
	return nil
}

// enqueueOwner enqueues the cluster whose label an object carries.
func (c *Controller) enqueueOwner(o any) {
	if key, ok := clusterOf(o); ok {
		c.loop.Enqueue(key)
	}
}

// enqueueClustersOf enqueues every cluster of the engine whose DatabaseEngine has the given name.
func (c *Controller) enqueueClustersOf(offer string) {
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return // a lister over a cache has no errors of its own
	}
	for _, cluster := range clusters {
		if offerName(cluster.Spec.Engine) == offer {
			c.loop.Enqueue(cache.MetaObjectToName(cluster))
		}
	}
}

// clusterOf is the key of the cluster whose label an object carries; the object may be the tombstone of one.
func clusterOf(o any) (cache.ObjectName, bool) {
	if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	object, err := meta.Accessor(o)
	if err != nil {
		return cache.ObjectName{}, false
	}
	name := object.GetLabels()[v1alpha1.LabelCluster]
	return cache.NewObjectName(object.GetNamespace(), name), name != ""
}

// isRenewal tells the renewal of a Lease from its change of hands. Renewals come every few seconds for every cluster,
// and a pass for each would be the steady load that AtlasDB promises not to have.
func isRenewal(was, is any) bool {
	before, wasLease := was.(*coordinationv1.Lease)
	after, isLease := is.(*coordinationv1.Lease)
	return wasLease && isLease && holder(before) == holder(after) && metav1.GetControllerOf(after) != nil
}

// isReport tells what a running pod has to say from everything else that may happen to it. While members come up,
// agents and kubelets speak many times within a second, and none of it is urgent: no failover waits for the operator.
func isReport(was, is any) bool {
	before, wasPod := was.(*corev1.Pod)
	after, isPod := is.(*corev1.Pod)
	return wasPod && isPod && before.DeletionTimestamp.Equal(after.DeletionTimestamp) &&
		maps.Equal(before.Labels, after.Labels) && after.Labels[v1alpha1.LabelCluster] != ""
}

func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}
