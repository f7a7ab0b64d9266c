// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	atlasv1alpha1 "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions/atlasdb/v1alpha1"
)

// handle registers the handlers: an operation is looked at when it, its cluster, a member of it or another operation of
// it changes.
func (c *Controller) handle(o Options) error {
	kinds := o.Informers.AtlasDB().V1alpha1()
	operations, err := kinds.DatabaseOperations().TypedInformer().
		AddTypedEventHandler(atlasv1alpha1.DatabaseOperationHandlerFuncs{
			AddFunc:    c.enqueueSiblings,
			UpdateFunc: func(_, op *v1alpha1.DatabaseOperation) { c.enqueueSiblings(op) },
			DeleteFunc: func(d atlasv1alpha1.DeletedDatabaseOperation) {
				c.loop.Enqueue(d.GetObjectName())
				if d.OptionalObj != nil {
					c.enqueueSiblings(d.OptionalObj)
				}
			},
		})
	if err != nil {
		return err
	}
	clusters, err := kinds.DatabaseClusters().TypedInformer().
		AddTypedEventHandler(atlasv1alpha1.DatabaseClusterHandlerFuncs{
			AddFunc:    func(cluster *v1alpha1.DatabaseCluster) { c.enqueueOf(cache.MetaObjectToName(cluster)) },
			UpdateFunc: func(_, cluster *v1alpha1.DatabaseCluster) { c.enqueueOf(cache.MetaObjectToName(cluster)) },
			DeleteFunc: func(d atlasv1alpha1.DeletedDatabaseCluster) { c.enqueueOf(d.GetObjectName()) },
		})
	if err != nil {
		return err
	}
	pods, err := o.KubeInformers.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    c.enqueueMembers,
		UpdateFunc: func(_, pod any) { c.enqueueMembers(pod) },
	})
	if err != nil {
		return err
	}
	c.synced = []cache.DoneChecker{
		operations.HasSyncedChecker(), clusters.HasSyncedChecker(), pods.HasSyncedChecker(),
	}
	return nil
}

func (c *Controller) enqueueSiblings(op *v1alpha1.DatabaseOperation) {
	c.loop.Enqueue(cache.MetaObjectToName(op))
	c.enqueueOf(cache.NewObjectName(op.Namespace, op.Spec.ClusterRef.Name))
}

func (c *Controller) enqueueMembers(o any) {
	if pod, ok := o.(*corev1.Pod); ok {
		c.enqueueOf(cache.NewObjectName(pod.Namespace, pod.Labels[v1alpha1.LabelCluster]))
	}
}

// enqueueOf enqueues the operations of a cluster that have not ended. There are few of them at any time.
func (c *Controller) enqueueOf(cluster cache.ObjectName) {
	all, err := c.operations.DatabaseOperations(cluster.Namespace).List(labels.Everything())
	if err != nil {
		return // a lister over a cache has no errors of its own
	}
	for _, op := range all {
		if op.Spec.ClusterRef.Name == cluster.Name && op.Status.CompletionTime == nil {
			c.loop.Enqueue(cache.MetaObjectToName(op))
		}
	}
}
