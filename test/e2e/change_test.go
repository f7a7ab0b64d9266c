// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// change edits the spec of a cluster by a JSON merge patch.
func (f *frame) change(name, patch string) {
	f.Helper()
	_, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns).Patch(f.Context(), name, types.MergePatchType,
		[]byte(`{"spec":`+patch+`}`), metav1.PatchOptions{})
	f.must(err)
	f.step("%s: changed %s", name, patch)
}

// operate asks for an operation and waits for its end. It gives the reason of the condition Complete.
func (f *frame) operate(spec v1alpha1.DatabaseOperationSpec) (reason, message string) {
	f.Helper()
	operations := f.atlas.AtlasDBV1alpha1().DatabaseOperations(f.ns)
	op, err := operations.Create(f.Context(), &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "op-"}, Spec: spec,
	}, metav1.CreateOptions{})
	f.must(err)
	f.eventually(fmt.Sprintf("%s has ended", spec.Type), func(ctx context.Context) error {
		if op, err = operations.Get(ctx, op.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		if op.Status.CompletionTime == nil {
			return fmt.Errorf("%+v", op.Status.Conditions)
		}
		return nil
	})
	c := meta.FindStatusCondition(op.Status.Conditions, v1alpha1.ConditionComplete)
	f.step("%s: %s, %s", spec.Type, c.Reason, c.Message)
	return c.Reason, c.Message
}

// primary is the primary as status tells.
func (f *frame) primary(name string) string {
	f.Helper()
	c, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns).Get(f.Context(), name, metav1.GetOptions{})
	f.must(err)
	return c.Status.Primary
}

// pods are the UIDs of a cluster's pods, by name.
func (f *frame) pods() map[string]types.UID {
	f.Helper()
	list, err := f.kube.CoreV1().Pods(f.ns).List(f.Context(), metav1.ListOptions{})
	f.must(err)
	uids := map[string]types.UID{}
	for _, p := range list.Items {
		uids[p.Name] = p.UID
	}
	return uids
}

var orders = v1alpha1.ClusterReference{Name: "orders"}

// TestOperations asks for each verb, and for what must be refused.
func TestOperations(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 3)
	f.awaitReady("orders")
	f.write("orders", 100)
	old := f.primary("orders")
	target := "orders-db-2"
	if old == target {
		target = "orders-db-1"
	}
	to := func(name string) v1alpha1.DatabaseOperationSpec {
		return v1alpha1.DatabaseOperationSpec{
			ClusterRef: orders, Type: v1alpha1.OperationSwitchover,
			Switchover: &v1alpha1.SwitchoverOperation{Target: name},
		}
	}
	if reason, _ := f.operate(to(target)); reason != v1alpha1.ReasonComplete {
		t.Errorf("switchover ended with %s", reason)
	}
	f.await("orders", "primary is "+target, func(c *v1alpha1.DatabaseCluster) bool {
		l := c.Status.LastFailover
		return c.Status.Primary == target && l != nil && l.From == old && l.To == target && l.Reason == "Switchover"
	})
	if reason, message := f.operate(to("orders-db-9")); reason != v1alpha1.ReasonRefused {
		t.Errorf("a switchover to nobody ended with %s: %s", reason, message)
	}
	f.awaitReady("orders")
	rebuild := func(name string) v1alpha1.DatabaseOperationSpec {
		return v1alpha1.DatabaseOperationSpec{
			ClusterRef: orders, Type: v1alpha1.OperationRebuildMember,
			RebuildMember: &v1alpha1.RebuildMemberOperation{Member: name},
		}
	}
	if reason, _ := f.operate(rebuild(target)); reason != v1alpha1.ReasonRefused {
		t.Errorf("to rebuild the primary ended with %s", reason)
	}
	if reason, _ := f.operate(rebuild(old)); reason != v1alpha1.ReasonComplete {
		t.Errorf("to rebuild a replica ended with %s", reason)
	}
	before := f.pods()
	if reason, _ := f.operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationRestart,
	}); reason != v1alpha1.ReasonComplete {
		t.Errorf("restart ended with %s", reason)
	}
	for name, uid := range f.pods() {
		if before[name] == uid {
			t.Errorf("%s was not restarted", name)
		}
	}
	f.awaitReady("orders")
	f.mustHave("orders", "orders-rw", 100)
}

// TestRollingChanges brings a newer build, a build that cannot run, and parameters that need a restart.
func TestRollingChanges(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 3)
	current := f.awaitReady("orders").Status.Version
	f.write("orders", 100)
	f.offer(v1alpha1.EngineVersion{Name: "17.98", Image: current.Image}, v1alpha1.EngineVersion{
		Name: "17.99", Image: "localhost/postgres:none",
	})

	before, primary := f.pods(), f.primary("orders")
	f.change("orders", `{"version":"17.98"}`)
	f.await("orders", "on the newer build", func(c *v1alpha1.DatabaseCluster) bool {
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
		return ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == c.Generation &&
			c.Status.Version.Current == "17.98" && c.Status.Primary != primary
	})
	for name, uid := range f.pods() {
		if before[name] == uid {
			t.Errorf("%s was not made anew", name)
		}
	}

	before, primary = f.pods(), f.primary("orders")
	f.change("orders", `{"version":"17.99"}`)
	f.awaitReason("orders", v1alpha1.ConditionDegraded, v1alpha1.ReasonImagePullFailed, "localhost/postgres:none")
	changed := 0
	for name, uid := range f.pods() {
		if before[name] != uid {
			changed++
			if name == primary {
				t.Errorf("the primary %s was touched by a change that broke a replica", name)
			}
		}
	}
	if changed != 1 || f.primary("orders") != primary {
		t.Errorf("%d members were changed, want one; primary %s, was %s", changed, f.primary("orders"), primary)
	}
	f.change("orders", `{"version":"17.98"}`)
	f.awaitReady("orders")

	for _, connections := range []string{"130", "110"} { // replicas must be first up, and last down
		f.change("orders", `{"resources":{"requests":{"memory":"384Mi"}},"parameters":{"max_connections":"`+connections+`"}}`)
		f.awaitReady("orders")
		for _, service := range []string{"orders-rw", "orders-ro"} {
			f.eventually("max_connections through "+service, func(ctx context.Context) error {
				got, err := f.query(ctx, "orders", service, "SHOW max_connections")
				if err == nil && got != connections {
					err = fmt.Errorf("%s, want %s", got, connections)
				}
				return err
			})
		}
	}
	f.mustHave("orders", "orders-rw", 100)
}

// offer adds builds to the DatabaseEngine.
func (f *frame) offer(builds ...v1alpha1.EngineVersion) {
	f.Helper()
	engines := f.atlas.AtlasDBV1alpha1().DatabaseEngines()
	offer, err := engines.Get(f.Context(), "postgresql", metav1.GetOptions{})
	f.must(err)
	for _, b := range builds {
		if !slices.ContainsFunc(offer.Spec.Versions, func(v v1alpha1.EngineVersion) bool { return v.Name == b.Name }) {
			// Deprecated: named it is used, but no other test's "17" means it.
			b.Lifecycle = v1alpha1.LifecycleDeprecated
			offer.Spec.Versions = append(offer.Spec.Versions, b)
		}
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"versions": offer.Spec.Versions}})
	f.must(err)
	_, err = engines.Patch(f.Context(), "postgresql", types.MergePatchType, patch, metav1.PatchOptions{})
	f.must(err)
}

// TestStopScaleAndGrow: what a cluster is when it stops, and who is primary when it starts; the primary's place when it
// shrinks.
func TestStopScaleAndGrow(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 3)
	f.awaitReady("orders")
	f.write("orders", 100)
	if reason, _ := f.operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationSwitchover,
		Switchover: &v1alpha1.SwitchoverOperation{Target: "orders-db-2"},
	}); reason != v1alpha1.ReasonComplete {
		t.Errorf("switchover ended with %s", reason)
	}
	f.awaitReady("orders")

	f.change("orders", `{"powerState":"Stopped"}`)
	f.await("orders", "stopped", func(c *v1alpha1.DatabaseCluster) bool { return c.Status.Members == 0 })
	claims, err := f.kube.CoreV1().PersistentVolumeClaims(f.ns).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(claims.Items) != 3 {
		t.Errorf("%d volumes (%v), want three", len(claims.Items), err)
	}
	f.change("orders", `{"powerState":"Running"}`)
	f.awaitReady("orders")
	if p := f.primary("orders"); p != "orders-db-2" {
		t.Errorf("primary after the start is %s, want orders-db-2 as before", p)
	}
	f.mustHave("orders", "orders-rw", 100)

	f.change("orders", `{"members":2}`) // the primary has the highest ordinal
	f.awaitReady("orders")
	if _, there := f.pods()["orders-db-2"]; there || f.primary("orders") == "orders-db-2" {
		t.Errorf("pods %v, primary %s", f.pods(), f.primary("orders"))
	}
	f.await("orders", "no margin", func(c *v1alpha1.DatabaseCluster) bool {
		d := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionDegraded)
		return d.Reason == v1alpha1.ReasonNoQuorumMargin
	})
	f.mustHave("orders", "orders-ro", 100)
}

// TestALostReplicaIsCopiedAnew deletes a replica's volume.
func TestALostReplicaIsCopiedAnew(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 2, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Durability = v1alpha1.DurabilityRelaxed
	})
	f.awaitReady("orders")
	f.write("orders", 100)
	replica := "orders-db-1"
	if f.primary("orders") == replica {
		replica = "orders-db-0"
	}
	f.must(f.kube.CoreV1().PersistentVolumeClaims(f.ns).Delete(t.Context(), replica, metav1.DeleteOptions{}))
	f.deletePod(replica)
	f.eventually("another volume is bound", func(ctx context.Context) error {
		c, err := f.kube.CoreV1().PersistentVolumeClaims(f.ns).Get(ctx, replica, metav1.GetOptions{})
		if err == nil && (c.DeletionTimestamp != nil || c.Status.Phase != corev1.ClaimBound) {
			err = fmt.Errorf("claim is %s", c.Status.Phase)
		}
		return err
	})
	f.awaitReady("orders")
	f.mustHave("orders", "orders-ro", 100)
}
