// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	atlasinformers "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	"github.com/atlasdb/atlasdb/pkg/metrics"
)

// scope is the informers of one namespace, or of all. An informer watches one namespace or all of them, so an operator
// for three namespaces has three scopes, each with controllers of its own.
type scope struct {
	namespace string
	atlas     atlasinformers.SharedInformerFactory
	kube      informers.SharedInformerFactory
}

// newScope makes the informer factories of a namespace. Of Kubernetes' own kinds they see only what AtlasDB manages:
// the rest of the cluster, however large, costs neither memory nor events.
func newScope(c clients, namespace string, resync time.Duration) *scope {
	return &scope{
		namespace: namespace,
		atlas: atlasinformers.NewSharedInformerFactoryWithOptions(c.atlas, resync,
			atlasinformers.WithNamespace(namespace),
			atlasinformers.WithTransform(dropManagedFields)),
		kube: informers.NewSharedInformerFactoryWithOptions(c.kube, resync,
			informers.WithNamespace(namespace),
			informers.WithTransform(dropManagedFields),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) {
				o.LabelSelector = v1alpha1.LabelManagedBy + "=" + v1alpha1.ManagedBy
			})),
	}
}

// dropManagedFields keeps the field managers' notes out of the caches: they are up to half of an object, and nothing
// here reads them (see pkg/apply for why not). What is no object, such as a tombstone, passes as it is.
func dropManagedFields(item any) (any, error) {
	if object, err := meta.Accessor(item); err == nil {
		object.SetManagedFields(nil)
	}
	return item, nil
}

// start starts every informer that a controller asked for.
func (s *scope) start(ctx context.Context) {
	s.atlas.StartWithContext(ctx)
	s.kube.StartWithContext(ctx)
}

// waitForSync waits until every cache is full, and returns false when ctx ends before.
func (s *scope) waitForSync(ctx context.Context) bool {
	return s.atlas.WaitForCacheSyncWithContext(ctx).Err == nil && s.kube.WaitForCacheSyncWithContext(ctx).Err == nil
}

// shutdown waits until every informer has stopped; the context of start must have ended.
func (s *scope) shutdown() {
	s.atlas.Shutdown()
	s.kube.Shutdown()
}

// synced says of every informer that was started whether its cache is full, without waiting.
func (s *scope) synced() map[metrics.Informer]bool {
	now := make(chan struct{})
	close(now)
	all := map[metrics.Informer]bool{}
	for kind, synced := range s.atlas.WaitForCacheSync(now) {
		all[metrics.Informer{Kind: kind.Elem().Name(), Namespace: s.namespace}] = synced
	}
	for kind, synced := range s.kube.WaitForCacheSync(now) {
		all[metrics.Informer{Kind: kind.Elem().Name(), Namespace: s.namespace}] = synced
	}
	return all
}
