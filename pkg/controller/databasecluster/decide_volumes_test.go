// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
)

func storage(size string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: k8sresource.MustParse(size)}
}

// bind is what a storage driver does with every volume claim.
func (w *world) bind(capacity string) {
	for _, m := range w.snapshot.Members {
		m.Volume.Status.Phase, m.Volume.Status.Capacity = corev1.ClaimBound, storage(capacity)
	}
}

// requests gives what the volume claims ask for, by ordinal.
func (w *world) requests() string {
	var sizes []string
	for _, m := range w.snapshot.Members {
		size := m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]
		sizes = append(sizes, size.String())
	}
	return strings.Join(sizes, " ")
}

func TestVolumesGrow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		size  string
		setup func(*world)
		want  string
	}{
		{"all at once, with nobody ready and no primary", "2Gi", func(*world) {}, "2Gi 2Gi 2Gi"},
		{"none when the size stays", "1024Mi", func(*world) {}, "1Gi 1Gi 1Gi"},
		{"never back", "512Mi", func(*world) {}, "1Gi 1Gi 1Gi"},
		{"one that is larger already stays", "2Gi", func(w *world) {
			w.snapshot.Member("orders-db-1").Volume.Spec.Resources.Requests = storage("3Gi")
		}, "2Gi 3Gi 2Gi"},
		{"one that is not bound waits: its claim cannot change", "2Gi", func(w *world) {
			w.snapshot.Member("orders-db-1").Volume.Status.Phase = corev1.ClaimPending
		}, "2Gi 1Gi 2Gi"},
		{"one that was kept after a scale in waits until it is needed", "2Gi", func(w *world) {
			w.primary("orders-db-0", "7423")
			w.snapshot.Cluster.Spec.Members = 2
		}, "2Gi 2Gi 1Gi"},
		{"stopped", "2Gi", func(w *world) { w.snapshot.Cluster.Spec.PowerState = v1alpha1.PowerStopped }, "2Gi 2Gi 2Gi"},
		{"paused", "2Gi", func(w *world) {
			w.snapshot.Cluster.Spec.Reconciliation = v1alpha1.ReconciliationPaused
		}, "1Gi 1Gi 1Gi"},
		{"together with an owner reference", "2Gi", func(w *world) {
			w.snapshot.Cluster.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		}, "2Gi 2Gi 2Gi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			w.converge()
			w.bind("1Gi")
			tt.setup(w)
			w.snapshot.Cluster.Spec.Storage.Size = k8sresource.MustParse(tt.size)
			w.converge()
			if got := w.requests(); got != tt.want {
				t.Errorf("claims ask for %s, want %s", got, tt.want)
			}
		})
	}
}

// TestARetainedVolumeGrowsBeforeItsDataIsKnown: a full one could never tell how far its data goes.
func TestARetainedVolumeGrowsBeforeItsDataIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	kept := retained("orders-db-0")
	kept.Spec.Resources.Requests = storage("1Gi")
	w.put("PersistentVolumeClaim", kept)
	w.snapshot.Cluster.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	w.converge()
	w.bind("1Gi")
	w.snapshot.Cluster.Spec.Storage.Size = k8sresource.MustParse("2Gi")
	w.converge()
	grown := w.snapshot.Member("orders-db-0").Volume
	if w.requests() != "2Gi" || grown.Labels[v1alpha1.LabelClusterUID] != "uid-1" || len(grown.OwnerReferences) > 0 {
		t.Errorf("%s, labels %v, owners %v; want 2Gi, and nothing changed about whose data it is", w.requests(),
			grown.Labels, grown.OwnerReferences)
	}
}

func TestARefusedGrowthKeepsNothingElseFromBeingRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.bind("1Gi")
	w.snapshot.Cluster.Spec.Storage.Size = k8sresource.MustParse("2Gi")
	w.snapshot.Member("orders-db-0").Volume.Labels[v1alpha1.LabelClusterUID] = "uid-0"
	w.snapshot.Cluster.Status.SystemID = "7423"
	d := w.decide()
	i := slices.IndexFunc(d.Writes, func(x Write) bool { return apply.Kind(x.Wanted) == "PersistentVolumeClaim" })
	if i < 0 || d.Writes[i].Why != "metadata.labels.atlasdb.io/cluster-uid" || d.Writes[i].Retry != 0 {
		t.Errorf("writes %+v, want the label of the volume first", d.Writes)
	}
	w.step()
	if got := w.requests(); got != "1Gi" {
		t.Errorf("the label came with a growth to %s", got)
	}
	if d := w.decide(); len(d.Writes) != 1 || d.Writes[0].Retry != growthRetry {
		t.Errorf("writes %+v, want the growth, to be tried again after %s", d.Writes, growthRetry)
	}
}

func TestStatusTellsOfVolumesThatGrow(t *testing.T) {
	t.Parallel()
	condition := func(t corev1.PersistentVolumeClaimConditionType, message string) corev1.PersistentVolumeClaimCondition {
		return corev1.PersistentVolumeClaimCondition{Type: t, Status: corev1.ConditionTrue, Message: message}
	}
	tests := []struct {
		name     string
		capacity string
		found    []corev1.PersistentVolumeClaimCondition
		growing  string
		wrong    trouble
	}{
		{"asked for", "1Gi", nil, "orders-db-0 from 1Gi to 2Gi", trouble{}},
		{"under way", "1Gi", []corev1.PersistentVolumeClaimCondition{
			condition(corev1.PersistentVolumeClaimResizing, ""),
		}, "orders-db-0 from 1Gi to 2Gi", trouble{}},
		{"at the file system", "1Gi", []corev1.PersistentVolumeClaimCondition{
			condition(corev1.PersistentVolumeClaimFileSystemResizePending, "waiting for the kubelet"),
		}, "orders-db-0 from 1Gi to 2Gi (its file system grows when a node mounts it)", trouble{}},
		{"the driver fails", "1Gi", []corev1.PersistentVolumeClaimCondition{
			condition(corev1.PersistentVolumeClaimControllerResizeError, "no room"),
		}, "orders-db-0 from 1Gi to 2Gi", trouble{v1alpha1.ReasonResizeFailed, "its volume does not grow: no room"}},
		{"done", "2Gi", nil, "", trouble{}},
		{"more than asked for", "3Gi", nil, "", trouble{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.converge()
			w.primary("orders-db-0", "7423")
			w.snapshot.Cluster.Spec.Storage.Size = k8sresource.MustParse("2Gi")
			w.bind("1Gi")
			w.converge()
			w.bind(tt.capacity)
			m := w.snapshot.Member("orders-db-0")
			m.Volume.Status.Conditions = tt.found
			if got := resizing(w.snapshot); got != tt.growing {
				t.Errorf("growing: %q, want %q", got, tt.growing)
			}
			if got, _ := resizeTrouble(m); got != tt.wrong {
				t.Errorf("wrong: %+v, want %+v", got, tt.wrong)
			}
		})
	}
}

// TestANewBuildReachesVolumesAndStatus: the volumes tell with which build the data is used, and a version that is only
// a prefix means that one from then on.
func TestANewBuildReachesVolumesAndStatus(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "17.10" })
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2 -orders-db-1 +orders-db-1 orders-db-0>orders-db-1 -orders-db-0 +orders-db-0")
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "17" })
	w.settle()
	w.mustTell("")
	for _, m := range w.snapshot.Members {
		if got := m.Volume.Labels[v1alpha1.LabelBuild]; got != "17.10" {
			t.Errorf("volume of %s: build %s, want 17.10", m.Name, got)
		}
	}
	if got := w.snapshot.Cluster.Status.Version.Current; got != "17.10" || w.ready() != "True/Ready" {
		t.Errorf("status.version.current is %s, ready %s; want 17.10, ready", got, w.ready())
	}
}
