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

// TestOperations asks for what makes members anew, and for what must be refused.
func TestOperations(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 3)
	f.AwaitReady("orders")
	f.write("orders", 100)
	if reason, message := f.Operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationSwitchover,
		Switchover: &v1alpha1.SwitchoverOperation{Target: "orders-db-9"},
	}); reason != v1alpha1.ReasonRefused {
		t.Errorf("a switchover to nobody ended with %s: %s", reason, message)
	}
	rebuild := func(name string) v1alpha1.DatabaseOperationSpec {
		return v1alpha1.DatabaseOperationSpec{
			ClusterRef: orders, Type: v1alpha1.OperationRebuildMember,
			RebuildMember: &v1alpha1.RebuildMemberOperation{Member: name},
		}
	}
	primary, replica := f.Primary("orders"), "orders-db-1"
	if primary == replica {
		replica = "orders-db-0"
	}
	if reason, _ := f.Operate(rebuild(primary)); reason != v1alpha1.ReasonRefused {
		t.Errorf("to rebuild the primary ended with %s", reason)
	}
	if reason, _ := f.Operate(rebuild(replica)); reason != v1alpha1.ReasonComplete {
		t.Errorf("to rebuild a replica ended with %s", reason)
	}
	before := f.Pods()
	if reason, _ := f.Operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: orders, Type: v1alpha1.OperationRestart,
	}); reason != v1alpha1.ReasonComplete {
		t.Errorf("restart ended with %s", reason)
	}
	for name, uid := range f.Pods() {
		if before[name] == uid {
			t.Errorf("%s was not restarted", name)
		}
	}
	f.AwaitReady("orders")
	f.mustHave("orders", "orders-rw", 100)
}

// TestRollingChanges brings a newer build, a build that cannot run, and parameters that need a restart.
func TestRollingChanges(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 3)
	current := f.AwaitReady("orders").Status.Version
	f.write("orders", 100)
	f.offer(v1alpha1.EngineVersion{Name: "17.98", Image: current.Image}, v1alpha1.EngineVersion{
		Name: "17.99", Image: "localhost/postgres:none",
	})

	before, primary := f.Pods(), f.Primary("orders")
	f.Change("orders", `{"version":"17.98"}`)
	f.Await("orders", "on the newer build", func(c *v1alpha1.DatabaseCluster) bool {
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
		return ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == c.Generation &&
			c.Status.Version.Current == "17.98" && c.Status.Primary != primary
	})
	for name, uid := range f.Pods() {
		if before[name] == uid {
			t.Errorf("%s was not made anew", name)
		}
	}

	before, primary = f.Pods(), f.Primary("orders")
	f.Change("orders", `{"version":"17.99"}`)
	f.AwaitReason("orders", v1alpha1.ConditionDegraded, v1alpha1.ReasonImagePullFailed, "localhost/postgres:none")
	changed := 0
	for name, uid := range f.Pods() {
		if before[name] != uid {
			changed++
			if name == primary {
				t.Errorf("the primary %s was touched by a change that broke a replica", name)
			}
		}
	}
	if changed != 1 || f.Primary("orders") != primary {
		t.Errorf("%d members were changed, want one; primary %s, was %s", changed, f.Primary("orders"), primary)
	}
	f.Change("orders", `{"version":"17.98"}`)
	f.AwaitReady("orders")

	for _, connections := range []string{"130", "110"} { // replicas must be first up, and last down
		f.Change("orders", `{"resources":{"requests":{"memory":"384Mi"}},"parameters":{"max_connections":"`+connections+`"}}`)
		f.AwaitReady("orders")
		for _, service := range []string{"orders-rw", "orders-ro"} {
			f.Eventually("max_connections through "+service, func(ctx context.Context) error {
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
func (f *fixture) offer(builds ...v1alpha1.EngineVersion) {
	f.Helper()
	engines := f.Atlas.AtlasDBV1alpha1().DatabaseEngines()
	offer, err := engines.Get(f.Context(), "postgresql", metav1.GetOptions{})
	f.Must(err)
	for _, b := range builds {
		if !slices.ContainsFunc(offer.Spec.Versions, func(v v1alpha1.EngineVersion) bool { return v.Name == b.Name }) {
			// Deprecated: named it is used, but no other test's "17" means it.
			b.Lifecycle = v1alpha1.LifecycleDeprecated
			offer.Spec.Versions = append(offer.Spec.Versions, b)
		}
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"versions": offer.Spec.Versions}})
	f.Must(err)
	_, err = engines.Patch(f.Context(), "postgresql", types.MergePatchType, patch, metav1.PatchOptions{})
	f.Must(err)
}

// TestALostReplicaIsCopiedAnew deletes a replica's volume.
func TestALostReplicaIsCopiedAnew(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 2, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Durability = v1alpha1.DurabilityRelaxed
	})
	f.AwaitReady("orders")
	f.write("orders", 100)
	replica := "orders-db-1"
	if f.Primary("orders") == replica {
		replica = "orders-db-0"
	}
	f.Must(f.Kube.CoreV1().PersistentVolumeClaims(f.NS).Delete(t.Context(), replica, metav1.DeleteOptions{}))
	f.DeletePod(replica)
	f.Eventually("another volume is bound", func(ctx context.Context) error {
		c, err := f.Kube.CoreV1().PersistentVolumeClaims(f.NS).Get(ctx, replica, metav1.GetOptions{})
		if err == nil && (c.DeletionTimestamp != nil || c.Status.Phase != corev1.ClaimBound) {
			err = fmt.Errorf("claim is %s", c.Status.Phase)
		}
		return err
	})
	f.AwaitReady("orders")
	f.mustHave("orders", "orders-ro", 100)
}
