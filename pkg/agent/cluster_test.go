// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

var me = Identity{Namespace: "shop", Cluster: "orders", Pod: "orders-db-0", PodUID: "u-1", Nonce: "n"}

func pod(name, role string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "u-1"}}
	if role != "" {
		p.Labels = map[string]string{v1alpha1.LabelRole: role}
	}
	return p
}

func clusterOn(t *testing.T, client *fake.Clientset) *cluster {
	t.Helper()
	c, err := newCluster(client, me, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSayIsOnePatchOfTheOwnPod(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("orders-db-0", ""))
	c := clusterOn(t, client)
	report := engine.MemberReport{Role: v1alpha1.RolePrimary, Ready: true, SystemID: "7"}
	if err := c.say(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	p, err := client.CoreV1().Pods("shop").Get(t.Context(), "orders-db-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	said, err := engine.DecodeReport(p.Annotations[v1alpha1.AnnotationMember])
	if err != nil || !same(said, report) || p.Labels[v1alpha1.LabelRole] != v1alpha1.RoleLabelPrimary {
		t.Errorf("said %+v with label %q, %v", said, p.Labels[v1alpha1.LabelRole], err)
	}
	writes := 0
	for _, a := range client.Actions() {
		if a.GetVerb() == "patch" {
			writes++
		}
	}
	if writes != 1 {
		t.Errorf("%d patches, want 1", writes)
	}
	if err := c.say(t.Context(), engine.MemberReport{Role: v1alpha1.RoleUnknown}); err != nil {
		t.Fatal(err)
	}
	if role, _, err := c.ownWords(t.Context()); err != nil || role != "" {
		t.Errorf("a member without a role has label %q, %v", role, err)
	}
}

func TestStripTakesOnlyThePrimarysLabel(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	c := clusterOn(t, client)
	if err := c.strip(t.Context(), "orders-db-1"); err != nil {
		t.Fatal(err)
	}
	p, err := client.CoreV1().Pods("shop").Get(t.Context(), "orders-db-1", metav1.GetOptions{})
	if err != nil || p.Labels[v1alpha1.LabelRole] != "" {
		t.Errorf("label %q is left, %v", p.Labels[v1alpha1.LabelRole], err)
	}
	if err := c.strip(t.Context(), "orders-db-2"); err != nil {
		t.Errorf("a pod that is not there has no label: %v", err)
	}
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "orders-db-3", nil) // the test op failed
	})
	if err := c.strip(t.Context(), "orders-db-3"); err != nil {
		t.Errorf("a replica's label is left where it is: %v", err)
	}
}

func TestTakeWritesTheLeaseThatWasJudged(t *testing.T) {
	t.Parallel()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "orders-db", Namespace: "shop", ResourceVersion: "5", UID: "l-1"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("orders-db-0/u-1/old"), LeaseTransitions: new(int32(2))},
	}
	client := fake.NewClientset(lease)
	var sent *coordinationv1.Lease
	client.PrependReactor("update", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		sent = a.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease).DeepCopy()
		answer := sent.DeepCopy()
		answer.ResourceVersion = "6"
		return true, answer, nil
	})
	c := clusterOn(t, client)
	if err := c.take(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if sent.ResourceVersion != "5" || *sent.Spec.HolderIdentity != me.Incarnation() || *sent.Spec.LeaseTransitions != 3 {
		t.Errorf("sent %+v %+v", sent.ObjectMeta, sent.Spec)
	}
	if *lease.Spec.HolderIdentity != "orders-db-0/u-1/old" {
		t.Error("the cached Lease was changed")
	}
	if err := c.leases.GetStore().Add(lease); err != nil {
		t.Fatal(err)
	}
	if now, known := c.lease(); !known || *now.Spec.HolderIdentity != me.Incarnation() {
		t.Errorf("before the watch shows it, the Lease is %+v, want our own write", now)
	}
}

func TestAnOlderPlanIsRefused(t *testing.T) {
	t.Parallel()
	a := &Agent{}
	accept := func(p engine.Plan) int64 {
		t.Helper()
		encoded, _, err := engine.EncodePlan(p)
		if err != nil {
			t.Fatal(err)
		}
		a.accept(t.Context(), encoded)
		return a.plan.Generation
	}
	plan := engine.Plan{Protocol: engine.Protocol, ClusterUID: "c-1", Generation: 4}
	if got := accept(plan); got != 4 {
		t.Errorf("generation %d, want 4", got)
	}
	plan.Generation = 3
	if got := accept(plan); got != 4 {
		t.Errorf("generation %d after an older plan, want 4", got)
	}
	plan.ClusterUID = "c-2" // a new cluster of this name begins anew
	if got := accept(plan); got != 3 {
		t.Errorf("generation %d of a new cluster, want 3", got)
	}
	plan.Protocol, plan.Generation = engine.Protocol+1, 9
	if got := accept(plan); got != 3 {
		t.Errorf("generation %d after a plan of an unknown protocol, want 3", got)
	}
}
