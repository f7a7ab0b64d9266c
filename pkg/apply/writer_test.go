// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestCreateTellsWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	stranger := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "orders-rw", Namespace: "shop", UID: "theirs"}}
	client := fake.NewClientset(stranger)
	w := Writer{Client: client, FieldManager: "test"}

	_, err := w.Create(t.Context(), corev1ac.Service("orders-rw", "shop").WithLabels(map[string]string{"a": "b"}))

	exists, ok := errors.AsType[*ExistsError](err)
	if !ok || exists.Existing.GetUID() != "theirs" {
		t.Fatalf("Create() = %v, want an ExistsError with the stranger's object", err)
	}
	got, err := client.CoreV1().Services("shop").Get(t.Context(), "orders-rw", metav1.GetOptions{})
	if err != nil || len(got.Labels) != 0 {
		t.Errorf("the stranger's object was touched: %v, %v", got.Labels, err)
	}
}

func TestApplyCarriesTheComparedUID(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	var sent string
	client.PrependReactor("patch", "services", func(a clienttesting.Action) (bool, runtime.Object, error) {
		sent = string(a.(clienttesting.PatchAction).GetPatch())
		return true, &corev1.Service{}, nil
	})
	w := Writer{Client: client, FieldManager: "test"}
	seen := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "orders-rw", Namespace: "shop", UID: "u-7"}}
	if _, err := w.Apply(t.Context(), corev1ac.Service("orders-rw", "shop"), seen); err != nil {
		t.Fatal(err)
	}
	const want = `{"kind":"Service","apiVersion":"v1","metadata":{"name":"orders-rw","namespace":"shop","uid":"u-7"}}`
	if sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
}

func TestDeleteHasPreconditions(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "orders-db-0", Namespace: "shop"}})
	w := Writer{Client: client, FieldManager: "test"}
	seen := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "orders-db-0", Namespace: "shop", UID: "u-7", ResourceVersion: "42",
	}}
	if err := w.Delete(t.Context(), "Pod", seen); err != nil && !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
	for _, a := range client.Actions() {
		d, ok := a.(clienttesting.DeleteActionImpl)
		if !ok {
			continue
		}
		p := d.DeleteOptions.Preconditions
		if p == nil || *p.UID != "u-7" || *p.ResourceVersion != "42" || d.DeleteOptions.GracePeriodSeconds != nil {
			t.Errorf("deleted with %+v, want UID u-7, resourceVersion 42 and the pod's own grace period", d.DeleteOptions)
		}
		return
	}
	t.Error("nothing was deleted")
}

func TestEveryKindHasAnEndpoint(t *testing.T) {
	t.Parallel()
	w := Writer{Client: fake.NewClientset()}
	for kind := range Kinds {
		to, err := w.endpointFor(kind, "shop")
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if _, err := to.get(t.Context(), "none"); !apierrors.IsNotFound(err) {
			t.Errorf("%s: get = %v, want not found", kind, err)
		}
	}
}
