// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/fake"
	"github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// fixture is a controller on fake clients whose informers run. It lives in a synctest bubble, so that waiting for the
// informers takes no time and is exact.
type fixture struct {
	t        *testing.T
	c        *Controller
	kube     *kubefake.Clientset
	atlas    *fake.Clientset
	recorder *events.FakeRecorder
}

var ordersKey = cache.NewObjectName("shop", "orders")

// inBubble runs a test with a fixture that knows a cluster of the given size and the given other objects.
func inBubble(t *testing.T, members int32, test func(*fixture), others ...runtime.Object) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, members)
		f := &fixture{
			t: t, kube: kubefake.NewClientset(others...),
			atlas:    fake.NewClientset(w.snapshot.Cluster, w.snapshot.Offer),
			recorder: events.NewFakeRecorder(100),
		}
		kube := informers.NewSharedInformerFactoryWithOptions(f.kube, 0,
			informers.WithTweakListOptions(func(o *metav1.ListOptions) {
				o.LabelSelector = v1alpha1.LabelManagedBy + "=" + v1alpha1.ManagedBy
			}))
		atlas := externalversions.NewSharedInformerFactory(f.atlas, 0)
		c, err := New(Options{
			Client: f.atlas, KubeClient: f.kube, Informers: atlas, KubeInformers: kube, Recorder: f.recorder,
			Engines: map[v1alpha1.EngineType]engine.Engine{v1alpha1.EnginePostgreSQL: plainEngine{}},
			Agent:   resource.Agent{Image: "atlasdb:1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.c = c
		ctx, cancel := context.WithCancel(t.Context())
		kube.StartWithContext(ctx)
		atlas.StartWithContext(ctx)
		synctest.Wait()
		test(f)
		cancel()
		c.loop.Run(ctx, 0) // ends the queue's goroutine, which must not outlive the bubble
	})
}

// pass runs one sync and lets the informers see what it wrote.
func (f *fixture) pass() error {
	_, err := f.c.sync(f.t.Context(), ordersKey)
	synctest.Wait()
	return err
}

// settle runs passes until one writes nothing.
func (f *fixture) settle() {
	f.t.Helper()
	for range 20 {
		before := f.requests()
		if err := f.pass(); err != nil {
			f.t.Fatal(err)
		}
		if f.requests() == before {
			return
		}
	}
	f.t.Fatal("still writing after 20 passes")
}

// requests counts everything but the lists and watches of the informers.
func (f *fixture) requests() int {
	n := 0
	for _, a := range append(f.kube.Actions(), f.atlas.Actions()...) {
		if a.GetVerb() != "list" && a.GetVerb() != "watch" {
			n++
		}
	}
	return n
}

func (f *fixture) condition(name string) metav1.Condition {
	f.t.Helper()
	cluster, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters("shop").Get(f.t.Context(), "orders", metav1.GetOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	if c := meta.FindStatusCondition(cluster.Status.Conditions, name); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func TestSyncIsSilentAtRest(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(f *fixture) {
		f.settle()
		before := f.requests()
		for range 10 {
			time.Sleep(time.Minute) // of the bubble's clock
			if err := f.pass(); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.requests() - before; n != 0 {
			t.Errorf("%d requests in 10 passes at rest, want 0", n)
		}
	})
}

func TestSyncLeavesAStrangersObjectAloneAndSaysSo(t *testing.T) {
	t.Parallel()
	stranger := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "orders-rw", Namespace: "shop"}}
	inBubble(t, 1, func(f *fixture) {
		for range 5 {
			if err := f.pass(); err != nil {
				t.Fatalf("a name conflict is for status, not for the queue: %v", err)
			}
		}
		if got := f.condition(v1alpha1.ConditionDegraded); got.Reason != v1alpha1.ReasonNameConflict ||
			!strings.Contains(got.Message, `Service "orders-rw"`) {
			t.Errorf("Degraded is %s: %q, want NameConflict and the name of the Service", got.Reason, got.Message)
		}
		got, err := f.kube.CoreV1().Services("shop").Get(t.Context(), "orders-rw", metav1.GetOptions{})
		if err != nil || len(got.Labels)+len(got.OwnerReferences) > 0 {
			t.Errorf("the stranger's Service was touched: %+v, %v", got.ObjectMeta, err)
		}
		if n := len(f.recorder.Events); n != 1 {
			t.Errorf("%d events in five passes, want 1", n)
		}
	}, stranger)
}

func TestSyncTellsAFullQuotaAndTriesAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(f *fixture) {
		full := true
		f.kube.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			if !full {
				return false, nil, nil
			}
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "orders-db-0",
				errors.New("exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0"))
		})
		var err error
		for range 6 {
			err = f.pass()
		}
		if !apierrors.IsForbidden(err) {
			t.Errorf("error %v, want the refusal, so that the queue tries again", err)
		}
		if got := f.condition(v1alpha1.ConditionReady); got.Reason != v1alpha1.ReasonQuotaExceeded {
			t.Errorf("Ready is %s, want QuotaExceeded", got.Reason)
		}
		full = false
		f.settle()
		if got := f.condition(v1alpha1.ConditionDegraded); got.Status != metav1.ConditionFalse {
			t.Errorf("Degraded is %s/%s once there is room", got.Status, got.Reason)
		}
	})
}

func TestSyncMendsWhatSomebodyChanged(t *testing.T) {
	t.Parallel()
	inBubble(t, 2, func(f *fixture) {
		f.settle()
		services := f.kube.CoreV1().Services("shop")
		s, err := services.Get(t.Context(), "orders-rw", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.Spec.Selector[v1alpha1.LabelRole] = "nobody"
		if _, err := services.Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := services.Delete(t.Context(), "orders-ro", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.settle()
		s, err = services.Get(t.Context(), "orders-rw", metav1.GetOptions{})
		if err != nil || s.Spec.Selector[v1alpha1.LabelRole] != v1alpha1.RoleLabelPrimary {
			t.Errorf("selector %v, %v: want the primary's role", s.Spec.Selector, err)
		}
		if _, err := services.Get(t.Context(), "orders-ro", metav1.GetOptions{}); err != nil {
			t.Errorf("the deleted Service is not back: %v", err)
		}
	})
}

func TestADeletedClusterGetsNoFurtherWrites(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(f *fixture) {
		f.settle()
		cluster, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters("shop").Get(t.Context(), "orders", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		cluster.DeletionTimestamp = new(metav1.Now())
		if _, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters("shop").
			Update(t.Context(), cluster, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := f.kube.CoreV1().Services("shop").Delete(t.Context(), "orders-rw", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := f.requests()
		if err := f.pass(); err != nil || f.requests() != before {
			t.Errorf("%d requests, error %v: want none for a cluster that is going", f.requests()-before, err)
		}
	})
}
