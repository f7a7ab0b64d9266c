// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// cluster is the agent's view of the API server: four objects, or three without a Lease, each watched or written by
// name, because its Role names them and grants nothing else.
type cluster struct {
	client kubernetes.Interface
	id     Identity
	wake   func()

	secrets cache.SharedIndexInformer
	leases  cache.SharedIndexInformer // nil when there is no Lease

	// lease reads and writes the Lease; elector is told what is watched.
	lease   *leases
	elector listener

	mu         sync.Mutex
	holder     string // the pod that pods watches
	pods       cache.SharedIndexInformer
	stopHolder context.CancelFunc
}

// listener is who wants to know what becomes of the Lease and of its holder.
type listener interface {
	LeaseChanged(r election.Record)
	HolderEnded(incarnation string)
}

// requestTimeout bounds every single request: an API server that does not answer must not hold up the engine.
const requestTimeout = time.Second

func newCluster(client kubernetes.Interface, id Identity, wake func()) (*cluster, error) {
	c := &cluster{client: client, id: id, wake: wake, lease: &leases{
		client: client.CoordinationV1().Leases(id.Namespace), name: resource.LeaseName(id.Cluster),
	}}
	c.secrets = c.byName(resource.PlanSecretName(id.Cluster)).Core().V1().Secrets().Informer()
	return c, c.on(c.secrets, func(any) {})
}

// watchLeaseFor watches the Lease for an election. Without one there is no Lease, and no right to look for it.
func (c *cluster) watchLeaseFor(e listener) error {
	c.elector = e
	c.leases = c.byName(resource.LeaseName(c.id.Cluster)).Coordination().V1().Leases().Informer()
	return c.on(c.leases, c.watchLease)
}

// byName makes informers that list and watch one object.
func (c *cluster) byName(name string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(c.client, 0,
		informers.WithNamespace(c.id.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		}))
}

// on calls a function for every object that is watched, and wakes the loop.
func (c *cluster) on(informer cache.SharedIndexInformer, seen func(any)) error {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { seen(o); c.wake() },
		UpdateFunc: func(_, o any) { seen(o); c.wake() },
		DeleteFunc: func(any) { c.wake() },
	})
	return err
}

// run watches until ctx ends.
func (c *cluster) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.secrets.RunWithContext(ctx) })
	if c.leases != nil {
		wg.Go(func() { c.leases.RunWithContext(ctx) })
	}
	wg.Wait()
}

// plan gives the newest encoded plan that was watched; nil while there is none.
func (c *cluster) plan() []byte {
	if secret, ok := c.get(c.secrets, resource.PlanSecretName(c.id.Cluster)).(*corev1.Secret); ok {
		return secret.Data[engine.PlanKey]
	}
	return nil
}

// get gives an object that is watched, nil while it was not seen.
func (c *cluster) get(informer cache.SharedIndexInformer, name string) any {
	o, ok, err := informer.GetStore().GetByKey(cache.NewObjectName(c.id.Namespace, name).String())
	if err != nil || !ok {
		return nil
	}
	return o
}

// watchLease tells the election of every Lease that is watched.
func (c *cluster) watchLease(o any) {
	lease, ok := o.(*coordinationv1.Lease)
	if !ok {
		return
	}
	if r, err := c.lease.keep(lease); err == nil {
		c.elector.LeaseChanged(r)
	}
}

// watchEnd tells the election of a container that has ended. The kubelet copies the termination message from that
// container's own file, which is the nonce of the life that wrote it; a state that the kubelet invents matches nothing
// (PROTOCOL I5 c).
func (c *cluster) watchEnd(o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	for _, s := range pod.Status.ContainerStatuses {
		for _, ended := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if s.Name == resource.EngineContainer && ended != nil && ended.Message != "" {
				c.elector.HolderEnded(Identity{Pod: pod.Name, PodUID: string(pod.UID), Nonce: ended.Message}.Incarnation())
			}
		}
	}
}

// watchHolder watches the pod of the Lease's holder, and gives it as it is known.
func (c *cluster) watchHolder(ctx context.Context, name string) *corev1.Pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != c.holder {
		c.switchHolder(ctx, name)
	}
	if c.pods == nil {
		return nil
	}
	pod, _ := c.get(c.pods, name).(*corev1.Pod)
	return pod
}

// switchHolder ends the watch of one holder's pod and begins that of another's. The own pod needs none.
func (c *cluster) switchHolder(ctx context.Context, name string) {
	if c.stopHolder != nil {
		c.stopHolder()
	}
	c.holder, c.pods, c.stopHolder = name, nil, nil
	if name == "" || name == c.id.Pod {
		return
	}
	ctx, c.stopHolder = context.WithCancel(ctx)
	c.pods = c.byName(name).Core().V1().Pods().Informer()
	if err := c.on(c.pods, c.watchEnd); err != nil {
		klog.FromContext(ctx).Error(err, "Watching the primary's pod failed; the next tick looks at it")
	}
	go c.pods.RunWithContext(ctx)
}
