// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// recreated is a cluster that was deleted and made anew within a moment: the volumes were kept, and the former primary
// is still there, with the Lease in its hand.
func recreated(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3)
	for _, name := range []string{"orders-db-0", "orders-db-1", "orders-db-2"} {
		w.put("PersistentVolumeClaim", retained(name))
	}
	former := metav1.ObjectMeta{
		Namespace: "shop", Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelCluster: "orders",
		},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "DatabaseCluster", Name: "orders", UID: "uid-1",
			Controller: new(true),
		}},
	}
	lease := &coordinationv1.Lease{ObjectMeta: former}
	lease.Name = "orders-db"
	w.put("Lease", lease)
	pod := &corev1.Pod{ObjectMeta: *former.DeepCopy()}
	pod.Name = "orders-db-1"
	w.put("Pod", pod)
	w.report("orders-db-1", func(r *engine.MemberReport) {
		r.Role, r.SystemID, r.Electorate = v1alpha1.RolePrimary, "7423", []string{"orders-db-1"}
	})
	return w
}

// TestAFormerPrimarySettlesNothing: it may have more than it told, and as long as it runs nobody else can tell how far
// its data goes. Taken for the primary of the new cluster it would have settled whose data that has; gone in the next
// moment, member 0 was primary without a vote, and acknowledged writes were lost [seen].
func TestAFormerPrimarySettlesNothing(t *testing.T) {
	t.Parallel()
	w := recreated(t)
	look := func(when string) {
		t.Helper()
		w.converge()
		if p := w.plan(); p.Initialiser != "" || p.SystemID != "" || len(p.RetainedMembers) != 3 {
			t.Errorf("%s: initialiser %q, system ID %q, retained %v; want that all three are asked", when, p.Initialiser,
				p.SystemID, p.RetainedMembers)
		}
		for _, m := range w.snapshot.Members {
			if got := m.Volume.Labels[v1alpha1.LabelClusterUID]; got != "uid-1" {
				t.Errorf("%s: the volume of %s was relabelled to %q", when, m.Name, got)
			}
		}
	}
	look("beside the former primary")
	w.drop("Lease", "orders-db")
	look("when its Lease is gone")
	if lease := w.snapshot.Lease(); lease == nil || holder(lease) != "" {
		t.Errorf("the new Lease is %+v, want one that nobody holds", lease)
	}
	w.drop("Pod", "orders-db-1")
	look("when its pod is gone")
}

// TestARetainedVolumeIsRelabelledWhenStatusKnows: what only a report says is gone with its pod.
func TestARetainedVolumeIsRelabelledWhenStatusKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put("PersistentVolumeClaim", retained("orders-db-0"))
	w.converge()
	w.report("orders-db-0", func(r *engine.MemberReport) { r.Role, r.SystemID = v1alpha1.RolePrimary, "7423" })
	label := func() string {
		w.converge()
		return w.snapshot.Member("orders-db-0").Volume.Labels[v1alpha1.LabelClusterUID]
	}
	if got := label(); got != "uid-1" {
		t.Errorf("the volume was relabelled to %q before status knew", got)
	}
	w.saveStatus()
	if got := label(); got != "uid-2" {
		t.Errorf("the volume has label %q when status knows", got)
	}
}

// TestThePlanNeverForgetsTheData: the first primary may be gone before status was written.
func TestThePlanNeverForgetsTheData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.converge()
	w.report("orders-db-0", func(r *engine.MemberReport) { r.Role, r.SystemID = v1alpha1.RolePrimary, "7423" })
	w.converge()
	w.drop("Pod", "orders-db-0")
	w.converge()
	if p := w.plan(); p.SystemID != "7423" || p.Initialiser != "" {
		t.Errorf("system ID %q, initialiser %q", p.SystemID, p.Initialiser)
	}
}
