// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/fake"
	"github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
)

func operation() *v1alpha1.DatabaseOperation {
	return &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{Name: "now", Namespace: "shop", Generation: 1},
		Spec: v1alpha1.DatabaseOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "orders"}, Type: v1alpha1.OperationSwitchover,
			TTLSecondsAfterFinished: new(int32(60)),
		},
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	now := metav1.NewTime(time.Unix(1000, 0))
	op := operation()

	d := Decide(op, now)
	if d.Delete || !meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionFailed) ||
		!meta.IsStatusConditionFalse(d.Status.Conditions, v1alpha1.ConditionAccepted) {
		t.Errorf("a new operation is decided %+v, want it refused", d)
	}

	op.Status = d.Status
	if d := Decide(op, metav1.NewTime(now.Add(20*time.Second))); d.Delete || d.RequeueAfter != 40*time.Second {
		t.Errorf("20 s after its end: %+v, want to wait 40 s more", d)
	}
	if d := Decide(op, metav1.NewTime(now.Add(time.Minute))); !d.Delete {
		t.Error("a minute after its end it must be deleted")
	}
	op.Spec.TTLSecondsAfterFinished = nil
	if d := Decide(op, metav1.NewTime(now.Add(time.Hour))); d.Delete || d.RequeueAfter != 0 {
		t.Errorf("without a time to live: %+v, want it kept", d)
	}
}

func TestAnOperationIsAnsweredOnceAndDeletedInTime(t *testing.T) {
	t.Parallel()
	_, ctx := ktesting.NewTestContext(t)
	client := fake.NewClientset(operation())
	factory := externalversions.NewSharedInformerFactory(client, 0)
	now := time.Unix(1000, 0)
	c, err := New(Options{Client: client, Informers: factory, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	store := factory.AtlasDB().V1alpha1().DatabaseOperations().Informer().GetStore()
	key := cache.NewObjectName("shop", "now")
	see := func() {
		op, err := client.AtlasDBV1alpha1().DatabaseOperations("shop").Get(ctx, "now", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Add(op); err != nil {
			t.Fatal(err)
		}
	}
	see()
	for range 3 {
		if _, err := c.sync(ctx, key); err != nil {
			t.Fatal(err)
		}
		see()
	}
	if n := count(client, "update"); n != 1 {
		t.Errorf("%d status writes in three passes, want 1", n)
	}
	now = now.Add(time.Minute)
	if _, err := c.sync(ctx, key); err != nil {
		t.Fatal(err)
	}
	if n := count(client, "delete"); n != 1 {
		t.Errorf("%d deletions after the time to live, want 1", n)
	}
}

func count(client *fake.Clientset, verb string) int {
	n := 0
	for _, a := range client.Actions() {
		if a.GetVerb() == verb {
			n++
		}
	}
	return n
}
