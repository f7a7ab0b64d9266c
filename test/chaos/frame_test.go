// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
)

// namespaceLabel marks the namespaces that trials made.
const namespaceLabel = "atlasdb.io/chaos"

// frame is what all trials stand on: clients, and the ground to break.
type frame struct {
	*ground
	kube  kubernetes.Interface
	atlas versioned.Interface
}

func newFrame() (*frame, error) {
	g, err := findGround()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.UserAgent = -1, "atlasdb-chaos"
	f := &frame{ground: g}
	if f.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	f.atlas, err = versioned.NewForConfig(config)
	return f, err
}

// clear mends the ground and removes what a run that was killed has left. What is frozen or stopped there would not
// end.
func (f *frame) clear(ctx context.Context) error {
	if err := f.mend(ctx); err != nil {
		return err
	}
	left, err := f.kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: namespaceLabel})
	if err != nil {
		return err
	}
	var problems []error
	for _, ns := range left.Items {
		problems = append(problems, f.removeNamespace(ctx, ns.Name))
	}
	return errors.Join(problems...)
}

func (f *frame) removeNamespace(ctx context.Context, name string) error {
	pods, err := f.kube.CoreV1().Pods(name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, p := range pods.Items {
		_ = f.node(ctx, "thaw", p.Spec.NodeName, name+"/"+p.Name) // there may be nothing to thaw
		if found, err := inContainer(&p, func(process) bool { return true }); err == nil {
			_ = signalAll(found, syscall.SIGCONT)
		}
	}
	return f.kube.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
}

// makeNamespace makes one that enforces Pod Security restricted.
func (f *frame) makeNamespace(ctx context.Context) (string, error) {
	ns, err := f.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "chaos-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted", namespaceLabel: "true"},
	}}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return ns.Name, nil
}

// lister lists and watches objects of one type; every generated client is one.
type lister[L runtime.Object] interface {
	List(ctx context.Context, o metav1.ListOptions) (L, error)
	Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
}

// awaitObject watches one object until it is as wanted; nil stands for one that is not there.
func awaitObject[L runtime.Object, O runtime.Object](
	ctx context.Context, client lister[L], name string, wanted func(O) bool,
) error {
	one := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		return o
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, one(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.Watch(ctx, one(o))
		},
	}
	var none O
	absent := func(store cache.Store) (bool, error) { return len(store.List()) == 0 && wanted(none), nil }
	_, err := watchtools.UntilWithSync(ctx, source, none, absent, func(e watch.Event) (bool, error) {
		if e.Type == watch.Deleted {
			return wanted(none), nil
		}
		o, ok := e.Object.(O)
		return ok && wanted(o), nil
	})
	return err
}

// eventually tries something that cannot be watched, such as a statement on a database that restarts. When time is up
// it tells why the last try failed that was not cut short by that.
func eventually(ctx context.Context, what string, try func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, last)
		case <-tick.C:
		}
	}
}
