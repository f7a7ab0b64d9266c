// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build integration

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestVolumesGrowWithoutADatabase: nothing runs here, so a growth that waited for a primary would never come. Whether a
// volume may grow is decided by the API server's own admission.
func TestVolumesGrowWithoutADatabase(t *testing.T) {
	w := newWorld(t)
	cluster := w.bound(w.storageClass(true), 2)
	w.resize(cluster, "2Gi")
	for _, claim := range []string{"grows-db-0", "grows-db-1"} {
		w.eventually("the growth of "+claim, func() error { return w.asks(claim, "2Gi") })
	}
	w.eventually("the growth in status", func() error {
		return w.says(cluster, v1alpha1.ConditionProgressing, metav1.ConditionTrue, "")
	})
}

// TestARefusedGrowthIsToldAndNotRepeated: a StorageClass without allowVolumeExpansion.
func TestARefusedGrowthIsToldAndNotRepeated(t *testing.T) {
	w := newWorld(t)
	cluster := w.bound(w.storageClass(false), 2)
	w.resize(cluster, "2Gi")
	w.eventually("the API server's words in status", func() error {
		return w.says(cluster, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "must support resize")
	})
	time.Sleep(time.Second) // what is under way arrives
	w.operator.take()
	time.Sleep(3 * time.Second)
	if seen := w.operator.take(); len(seen) > 0 {
		t.Errorf("a refused growth cost %d requests in 3 s: %v", len(seen), seen)
	}
	w.growable(*cluster.Spec.Storage.ClassName)
	// No event says so; the next look at the cluster, whatever its cause, finds out.
	w.lookAgain()
	for _, claim := range []string{"grows-db-0", "grows-db-1"} {
		w.eventually("the growth of "+claim, func() error { return w.asks(claim, "2Gi") })
	}
	w.eventually("the end of the trouble", func() error {
		return w.says(cluster, v1alpha1.ConditionDegraded, metav1.ConditionFalse, "")
	})
}

// TestARetainedVolumeGrows: a cluster is made again over its volume. Nobody has told yet whose data is in it, and the
// label that says whose it was must outlive the growth.
func TestARetainedVolumeGrows(t *testing.T) {
	w := newWorld(t)
	class := w.storageClass(true)
	former := w.bound(class, 1)
	err := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns).Delete(t.Context(), former.Name, metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.resize(w.bound(class, 1), "2Gi")
	w.eventually("the growth", func() error { return w.asks("grows-db-0", "2Gi") })
	claim, err := w.kube.CoreV1().PersistentVolumeClaims(w.ns).Get(t.Context(), "grows-db-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := claim.Labels[v1alpha1.LabelClusterUID]; got != string(former.UID) {
		t.Errorf("the volume says that it is of %s, want %s", got, former.UID)
	}
}

// storageClass makes a StorageClass whose volumes may grow, or not.
func (w *world) storageClass(expandable bool) string {
	w.Helper()
	class, err := w.kube.StorageV1().StorageClasses().Create(w.Context(), &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{GenerateName: "test-"},
		Provisioner: "atlasdb.io/nobody", AllowVolumeExpansion: &expandable,
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		err := w.kube.StorageV1().StorageClasses().
			Delete(context.WithoutCancel(w.Context()), class.Name, metav1.DeleteOptions{})
		if err != nil {
			w.Error(err)
		}
	})
	return class.Name
}

// growable lets volumes of a StorageClass grow.
func (w *world) growable(class string) {
	w.Helper()
	_, err := w.kube.StorageV1().StorageClasses().Patch(w.Context(), class, types.MergePatchType,
		[]byte(`{"allowVolumeExpansion":true}`), metav1.PatchOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

// bound makes a cluster whose volume claims are bound, as a storage driver would.
func (w *world) bound(class string, members int32) *v1alpha1.DatabaseCluster {
	w.Helper()
	cluster, err := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns).Create(w.Context(), &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "grows"},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: v1alpha1.EnginePostgreSQL, Version: "17", Members: members,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi"), ClassName: &class},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for ordinal := range members {
		name := fmt.Sprintf("grows-db-%d", ordinal)
		w.eventually("the claim "+name, func() error {
			_, err := w.kube.CoreV1().PersistentVolumeClaims(w.ns).Patch(w.Context(), name, types.MergePatchType,
				[]byte(`{"status":{"phase":"Bound","capacity":{"storage":"1Gi"}}}`), metav1.PatchOptions{}, "status")
			return err
		})
	}
	return cluster
}

// resize edits spec.storage.size.
func (w *world) resize(cluster *v1alpha1.DatabaseCluster, size string) {
	w.Helper()
	_, err := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns).Patch(w.Context(), cluster.Name, types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"storage":{"size":%q}}}`, size), metav1.PatchOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

// asks is nil when a claim asks for a size.
func (w *world) asks(claim, size string) error {
	c, err := w.kube.CoreV1().PersistentVolumeClaims(w.ns).Get(w.Context(), claim, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if has := c.Spec.Resources.Requests[corev1.ResourceStorage]; !has.Equal(resource.MustParse(size)) {
		return fmt.Errorf("it asks for %s", has.String())
	}
	return nil
}

// says is nil when a condition of a cluster has a status, and words in its message.
func (w *world) says(cluster *v1alpha1.DatabaseCluster, t string, status metav1.ConditionStatus, words string) error {
	c, err := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns).Get(w.Context(), cluster.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	has := meta.FindStatusCondition(c.Status.Conditions, t)
	if has == nil || has.Status != status || !strings.Contains(has.Message, words) {
		return fmt.Errorf("%s is %+v", t, has)
	}
	return nil
}
