// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// agentOn is an agent with an empty volume, whose server never runs.
func agentOn(t *testing.T, client *fake.Clientset) *Agent {
	t.Helper()
	a, err := New(client, me, postgresql.New(postgresql.Options{
		Member: me.Pod, Root: t.TempDir(), SocketDirectory: t.TempDir(), Reaper: process.NewReaper(),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// patched names the pods that were patched, in order.
func patched(client *fake.Clientset) (names []string) {
	for _, action := range client.Actions() {
		if patch, ok := action.(clienttesting.PatchAction); ok {
			names = append(names, patch.GetName())
		}
	}
	return names
}

// TestAnAgentBeginsAsNobody: the label of an earlier life would send writes to a member that is not primary any more.
func TestAnAgentBeginsAsNobody(t *testing.T) {
	t.Parallel()
	for role, writes := range map[string]int{"": 0, v1alpha1.RoleLabelReplica: 1, v1alpha1.RoleLabelPrimary: 1} {
		t.Run("label "+role, func(t *testing.T) {
			t.Parallel()
			client := fake.NewClientset(pod(me.Pod, role))
			if err := agentOn(t, client).becomeNobody(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := patched(client); len(got) != writes {
				t.Errorf("patched %q, want %d patches", got, writes)
			}
			p, err := client.CoreV1().Pods("shop").Get(t.Context(), me.Pod, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if label, labelled := p.Labels[v1alpha1.LabelRole]; labelled {
				t.Errorf("label %q is left", label)
			}
			said, err := engine.DecodeReport(p.Annotations[v1alpha1.AnnotationMember])
			if err != nil || said.Role != v1alpha1.RoleUnknown || said.Ready {
				t.Errorf("said %+v, %v, want nobody", said, err)
			}
			if writes > 0 && said.Incarnation != me.Incarnation() {
				t.Errorf("said by %q, want this life", said.Incarnation)
			}
		})
	}
	if err := agentOn(t, fake.NewClientset()).becomeNobody(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("a pod that cannot be read gave %v: whether it has a label is not known", err)
	}
}

// TestAConflictTakesNothing: whoever wrote the Lease in between may be primary.
func TestAConflictTakesNothing(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	client.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, "orders-db", errors.New("changed"))
	})
	c := clusterOn(t, client)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "orders-db", Namespace: "shop", UID: "l-1"}}
	if err := c.take(t.Context(), lease); !apierrors.IsConflict(err) {
		t.Errorf("got %v, want the conflict", err)
	}
	if err := c.leases.GetStore().Add(lease); err != nil {
		t.Fatal(err)
	}
	if now, known := c.lease(); !known || now.Spec.HolderIdentity != nil {
		t.Errorf("after a conflict the Lease counts as %+v, want as it was watched", now)
	}
}

// TestOthersLoseTheLabelBeforeAPromotion: a promotion beside a second labelled pod would split the writes.
func TestOthersLoseTheLabelBeforeAPromotion(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""), pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	client.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.(clienttesting.PatchAction).GetName() != "orders-db-2" {
			return false, nil, nil
		}
		return true, nil, apierrors.NewInternalError(errors.New("no quorum"))
	})
	a := agentOn(t, client)
	for _, name := range []string{me.Pod, "orders-db-1", "orders-db-2", "orders-db-3"} {
		a.plan.Members = append(a.plan.Members, engine.PlanMember{Name: name})
	}
	err := a.act(t.Context(), pure.Observation{}, pure.Step{Kind: pure.StepPromote})
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), "orders-db-2") {
		t.Errorf("got %v: a label that may be left must keep the member from being promoted", err)
	}
	if got, want := patched(client), []string{"orders-db-1", "orders-db-2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("patched %q, want %q", got, want)
	}
}

// TestVotes: a vote that cannot be read is missing, and a missing vote is never a vote for nothing.
func TestVotes(t *testing.T) {
	t.Parallel()
	voter := pod("orders-db-1", "")
	encoded, err := engine.EncodeReport(engine.MemberReport{Vote: &engine.Vote{SystemID: "7", Timeline: 2, Position: 9}})
	if err != nil {
		t.Fatal(err)
	}
	voter.Annotations = map[string]string{v1alpha1.AnnotationMember: encoded}
	garbled := pod("orders-db-2", "")
	garbled.Annotations = map[string]string{v1alpha1.AnnotationMember: `{"vote":{"systemID":"7"`}
	client := fake.NewClientset(voter, garbled, pod("orders-db-3", ""))
	c := clusterOn(t, client)
	members := []string{"orders-db-1", "orders-db-2", "orders-db-3", "orders-db-4"}
	got, err := c.votes(t.Context(), members)
	want := map[string]engine.Vote{"orders-db-1": {SystemID: "7", Timeline: 2, Position: 9}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("votes %+v, %v, want %+v", got, err, want)
	}
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewTimeoutError("slow", 1)
	})
	if got, err := c.votes(t.Context(), members); err == nil {
		t.Errorf("votes %+v from an API server that does not answer", got)
	}
}

// TestWhoIsWatched: the Role of an agent grants watching pods, so only the holder's is watched, and never the own.
func TestWhoIsWatched(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	c := clusterOn(t, client)
	if p := c.watchHolder(t.Context(), me.Pod); p != nil || c.pods != nil {
		t.Errorf("the own pod is watched: %v", p)
	}
	c.watchHolder(t.Context(), "orders-db-1")
	first := c.pods
	if err := first.GetStore().Add(pod("orders-db-1", v1alpha1.RoleLabelPrimary)); err != nil {
		t.Fatal(err)
	}
	if p := c.watchHolder(t.Context(), "orders-db-1"); p == nil || p.Name != "orders-db-1" || c.pods != first {
		t.Errorf("got %v, or began a second watch of the same pod", p)
	}
	if p := c.watchHolder(t.Context(), "orders-db-2"); p != nil && p.Name == "orders-db-1" {
		t.Error("the pod of the former holder counts as the new one's")
	}
}

// TestThePlanIsRead: the plan of the watch is taken over, once.
func TestThePlanIsRead(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	a.readPlan(t.Context())
	if a.planHash != "" {
		t.Error("a plan came from nowhere")
	}
	encoded, hash, err := engine.EncodePlan(engine.Plan{Protocol: engine.Protocol, ClusterUID: "c", Generation: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cluster.secrets.GetStore().Add(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: resource.PlanSecretName(me.Cluster)},
		Data:       map[string][]byte{engine.PlanKey: encoded},
	}); err != nil {
		t.Fatal(err)
	}
	a.readPlan(t.Context())
	if a.planHash != hash || a.plan.Generation != 2 {
		t.Errorf("plan %+v with hash %q, want %q", a.plan, a.planHash, hash)
	}
}

// TestAPodThatEndsCallsOffALongStep: a copy may take hours, and a pod that ends has two minutes.
func TestAPodThatEndsCallsOffALongStep(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset(pod(me.Pod, "")))
	a.begin(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if step, err := a.pass(t.Context(), false); step.Kind != pure.StepWait || err != nil {
		t.Fatalf("beside a long step came %+v, %v", step, err)
	}
	select {
	case err := <-a.work:
		t.Fatalf("the long step was called off for nothing: %v", err)
	default:
	}
	if step, err := a.pass(t.Context(), true); step.Kind != pure.StepWait || err != nil {
		t.Errorf("before the long step has ended came %+v, %v", step, err)
	}
	select {
	case err := <-a.work:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the long step ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the long step goes on")
	}
	a.work = nil // as Run does
	if step, err := a.pass(t.Context(), true); step.Kind != pure.StepExit || err != nil {
		t.Errorf("after it came %+v, %v, want the end", step, err)
	}
}

// TestOnlyTheLeaseThatWasJudgedIsTaken: the watch may bring another's write between the judgement and the act, and a
// write with the newer resourceVersion would overwrite it without a conflict (PROTOCOL I5).
func TestOnlyTheLeaseThatWasJudgedIsTaken(t *testing.T) {
	t.Parallel()
	free := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: "orders-db", Namespace: "shop", UID: "l-1", ResourceVersion: "5",
	}}
	client := fake.NewClientset()
	var sent *coordinationv1.Lease
	client.PrependReactor("update", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		sent = a.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease)
		return true, sent, nil
	})
	a := agentOn(t, client)
	a.plan = engine.Plan{Cluster: "orders", Initialiser: me.Pod}
	if err := a.cluster.leases.GetStore().Add(free); err != nil {
		t.Fatal(err)
	}
	o, err := a.observe(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	step := pure.Converge(o)
	if step.Kind != pure.StepTakeLease {
		t.Fatalf("a free Lease of the first data gives %+v", step)
	}
	taken := free.DeepCopy()
	taken.ResourceVersion, taken.Spec.HolderIdentity = "6", new("orders-db-1/u/n")
	if err := a.cluster.leases.GetStore().Update(taken); err != nil {
		t.Fatal(err)
	}
	_ = a.act(t.Context(), o, step)
	if sent != nil && sent.ResourceVersion != "5" {
		t.Errorf("the Lease was written over resourceVersion %s, which names another holder", sent.ResourceVersion)
	}
}
