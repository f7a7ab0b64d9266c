// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// cluster is the agent's view of the API server: four objects, each watched or written by name, because its Role names
// them and grants nothing else.
type cluster struct {
	client kubernetes.Interface
	id     Identity
	wake   func()

	secrets cache.SharedIndexInformer
	leases  cache.SharedIndexInformer

	// taken is the Lease as this agent wrote it, until the watch shows it.
	taken *coordinationv1.Lease

	mu         sync.Mutex
	holder     string // the pod that pods watches
	pods       cache.SharedIndexInformer
	stopHolder context.CancelFunc
}

// requestTimeout bounds every single request: an API server that does not answer must not hold up the engine.
const requestTimeout = time.Second

func newCluster(client kubernetes.Interface, id Identity, wake func()) (*cluster, error) {
	c := &cluster{client: client, id: id, wake: wake}
	c.secrets = c.byName(resource.PlanSecretName(id.Cluster)).Core().V1().Secrets().Informer()
	c.leases = c.byName(resource.LeaseName(id.Cluster)).Coordination().V1().Leases().Informer()
	for _, informer := range []cache.SharedIndexInformer{c.secrets, c.leases} {
		if err := c.wakeOn(informer); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// byName makes informers that list and watch one object.
func (c *cluster) byName(name string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(c.client, 0,
		informers.WithNamespace(c.id.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		}))
}

func (c *cluster) wakeOn(informer cache.SharedIndexInformer) error {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.wake() },
		UpdateFunc: func(any, any) { c.wake() },
		DeleteFunc: func(any) { c.wake() },
	})
	return err
}

// run watches until ctx ends.
func (c *cluster) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.secrets.RunWithContext(ctx) })
	wg.Go(func() { c.leases.RunWithContext(ctx) })
	wg.Wait()
}

// plan gives the newest encoded plan that was watched; nil while there is none.
func (c *cluster) plan() []byte {
	o, _ := c.get(c.secrets, resource.PlanSecretName(c.id.Cluster))
	if secret, ok := o.(*corev1.Secret); ok {
		return secret.Data[engine.PlanKey]
	}
	return nil
}

// lease gives the Lease as it is known, nil when there is none; known says whether it was ever read.
func (c *cluster) lease() (lease *coordinationv1.Lease, known bool) {
	o, ok := c.get(c.leases, resource.LeaseName(c.id.Cluster))
	if !ok {
		return nil, c.leases.HasSynced()
	}
	watched, ok := o.(*coordinationv1.Lease)
	if !ok {
		return nil, false
	}
	if c.taken != nil && c.taken.UID == watched.UID {
		// A watch that lags behind our own write would have us take the Lease a second time.
		order, err := resourceversion.CompareResourceVersion(watched.ResourceVersion, c.taken.ResourceVersion)
		if err == nil && order < 0 {
			return c.taken, true
		}
	}
	return watched, true
}

func (c *cluster) get(informer cache.SharedIndexInformer, name string) (any, bool) {
	o, ok, err := informer.GetStore().GetByKey(cache.NewObjectName(c.id.Namespace, name).String())
	return o, ok && err == nil
}

// take writes this incarnation into the Lease as it was judged: another's write in between is a Conflict.
func (c *cluster) take(ctx context.Context, lease *coordinationv1.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lease = lease.DeepCopy()
	lease.Spec.HolderIdentity = new(c.id.Incarnation())
	lease.Spec.AcquireTime = new(metav1.NowMicro())
	lease.Spec.RenewTime = lease.Spec.AcquireTime
	lease.Spec.LeaseTransitions = new(transitions(lease) + 1)
	taken, err := c.client.CoordinationV1().Leases(c.id.Namespace).Update(ctx, lease, metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("taking the Lease: %w", err)
	}
	c.taken = taken
	return nil
}

func transitions(l *coordinationv1.Lease) int32 {
	if l.Spec.LeaseTransitions == nil {
		return 0
	}
	return *l.Spec.LeaseTransitions
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
	o, _ := c.get(c.pods, name)
	pod, _ := o.(*corev1.Pod)
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
	if err := c.wakeOn(c.pods); err != nil {
		klog.FromContext(ctx).Error(err, "Watching the primary's pod failed; the next tick looks at it")
	}
	go c.pods.RunWithContext(ctx)
}

// votes reads what other members report of their position.
func (c *cluster) votes(ctx context.Context, members []string) (map[string]engine.Vote, error) {
	found := map[string]engine.Vote{}
	for _, name := range members {
		pod, err := c.pod(ctx, name)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the vote of %s: %w", name, err)
		}
		report, err := engine.DecodeReport(pod.Annotations[v1alpha1.AnnotationMember])
		if err == nil && report.Vote != nil {
			found[name] = *report.Vote
		}
	}
	return found, nil
}

// say writes the report and the role label into the own pod, in one patch. The UID keeps a late write of a pod that is
// gone from landing on its successor.
func (c *cluster) say(ctx context.Context, report engine.MemberReport) error {
	encoded, err := engine.EncodeReport(report)
	if err != nil {
		return err
	}
	var label any // null takes the label away
	switch report.Role {
	case v1alpha1.RolePrimary:
		label = v1alpha1.RoleLabelPrimary
	case v1alpha1.RoleReplica:
		label = v1alpha1.RoleLabelReplica
	case v1alpha1.RoleUnknown:
	}
	return c.patchPod(ctx, c.id.Pod, map[string]any{
		"uid":         c.id.PodUID,
		"labels":      map[string]any{v1alpha1.LabelRole: label},
		"annotations": map[string]any{v1alpha1.AnnotationMember: encoded},
	})
}

// ownWords gives the role label and the report that the own pod carries.
func (c *cluster) ownWords(ctx context.Context) (label, report string, err error) {
	pod, err := c.pod(ctx, c.id.Pod)
	if err != nil {
		return "", "", fmt.Errorf("reading the own pod: %w", err)
	}
	return pod.Labels[v1alpha1.LabelRole], pod.Annotations[v1alpha1.AnnotationMember], nil
}

func (c *cluster) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.client.CoreV1().Pods(c.id.Namespace).Get(ctx, name, metav1.GetOptions{})
}

// strip takes the primary's label from another member's pod (PROTOCOL I7). A pod that is not there has none.
func (c *cluster) strip(ctx context.Context, pod string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	const patch = `[{"op":"test","path":"/metadata/labels/atlasdb.io~1role","value":"primary"},` +
		`{"op":"remove","path":"/metadata/labels/atlasdb.io~1role"}]`
	_, err := c.client.CoreV1().Pods(c.id.Namespace).
		Patch(ctx, pod, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil // no such pod, or it does not carry the primary's label
	}
	return err
}

func (c *cluster) patchPod(ctx context.Context, name string, metadata map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	_, err = c.client.CoreV1().Pods(c.id.Namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
