// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantVolume brings a volume that exists in line: its owner reference, the labels that tie it to this cluster, and then
// its size. A retained volume is relabelled only once status says whose data the cluster has; until then its old label
// is the only sign that it holds data worth waiting for, and what a member reports may be gone with it in the next
// pass. It may grow before, or one that is full would never tell.
func (d *Decision) wantVolume(s Snapshot, m Member) error {
	if m.Volume == nil {
		return nil
	}
	if s.Cluster.Status.SystemID == "" && isRetained(s, m) {
		kept := d.volume(s, m, false)
		kept.Labels[v1alpha1.LabelClusterUID] = m.Volume.Labels[v1alpha1.LabelClusterUID]
		d.growVolume(s, m, kept)
		return nil
	}
	owned := s.Cluster.Spec.DeletionPolicy == v1alpha1.DeletionDelete
	wanted := d.volume(s, m, owned)
	if owned != metav1.IsControlledBy(m.Volume, s.Cluster) && ownerOf(m.Volume, s.Cluster) <= adoptable {
		// The comparison below sees what is missing, not what is too much. The reference was added by an apply and not by
		// the Create, so an apply without it takes it away.
		d.Writes = append(d.Writes, Write{Wanted: wanted, Seen: m.Volume, Why: "metadata.ownerReferences"})
		return nil
	}
	before := len(d.Writes)
	if err := d.want(s, wanted); err != nil || len(d.Writes) > before {
		return err
	}
	d.growVolume(s, m, wanted)
	return nil
}

// volume is the volume of a member, in the size that it has. Its label says with which build the data was last used, so
// it follows the pod's as soon as that is ready: until then the change may still be taken back.
func (d *Decision) volume(s Snapshot, m Member, owned bool) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	in := resource.VolumeInput{
		Cluster: s.Cluster, Member: m.Name, Build: d.Build, Owned: owned, Size: storageOf(s, m),
	}
	if m.Volume != nil {
		in.Build = cmp.Or(m.Volume.Labels[v1alpha1.LabelBuild], in.Build)
		if isReady(m) {
			in.Build = cmp.Or(m.Pod.Labels[v1alpha1.LabelBuild], in.Build)
		}
		if has, ok := m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]; ok {
			in.Size = has
		}
	}
	return resource.PersistentVolumeClaim(in)
}

// storageOf is the size that the spec asks for.
func storageOf(s Snapshot, m Member) k8sresource.Quantity {
	if m.Component != "" {
		return s.topology().Ensemble.Storage
	}
	return s.Cluster.Spec.Storage.Size
}

// growthRetry is when to ask again for a growth that was refused: a StorageClass that forbids it raises no event when
// it changes, and it hardly ever does.
const growthRetry = 5 * time.Minute

// growVolume asks for a larger volume, whatever the database does: a full volume is why it may not run. It is a write
// of its own, so that a refusal keeps nothing else from being right. A volume never shrinks, since a retained one may
// be larger than the spec. One that is not bound yet, or that no member needs, grows when that changes.
func (d *Decision) growVolume(s Snapshot, m Member, wanted *corev1ac.PersistentVolumeClaimApplyConfiguration) {
	size := storageOf(s, m)
	if !slices.Contains(d.Wanted, m.Name) || m.Volume.Status.Phase != corev1.ClaimBound ||
		ownerOf(m.Volume, s.Cluster) > adoptable || size.Cmp(m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]) <= 0 {
		return
	}
	wanted.Spec.Resources.WithRequests(corev1.ResourceList{corev1.ResourceStorage: size})
	d.Writes = append(d.Writes, Write{
		Wanted: wanted, Seen: m.Volume, Why: "spec.resources.requests.storage", Retry: growthRetry,
	})
}

// resizing tells which volumes are growing; "" when none is. A capacity below the request is what Kubernetes shows from
// the request to the end; its conditions only say how far it is.
func resizing(s Snapshot) string {
	var growing []string
	for _, m := range s.Members {
		if m.Volume == nil || m.Volume.Status.Phase != corev1.ClaimBound {
			continue
		}
		has, known := m.Volume.Status.Capacity[corev1.ResourceStorage]
		wanted := m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]
		if !known || has.Cmp(wanted) >= 0 {
			continue
		}
		step := fmt.Sprintf("%s from %s to %s", m.Name, has.String(), wanted.String())
		if volumeCondition(m, corev1.PersistentVolumeClaimFileSystemResizePending) != nil {
			step += " (its file system grows when a node mounts it)"
		}
		growing = append(growing, step)
	}
	return strings.Join(growing, ", ")
}

// resizeTrouble tells why a volume does not grow.
func resizeTrouble(m Member) (trouble, bool) {
	for _, failed := range []corev1.PersistentVolumeClaimConditionType{
		corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError,
	} {
		if c := volumeCondition(m, failed); c != nil {
			return trouble{v1alpha1.ReasonResizeFailed, "its volume does not grow: " + c.Message}, true
		}
	}
	return trouble{}, false
}

// volumeCondition gives a condition of a member's volume if it is true, or nil.
func volumeCondition(
	m Member, t corev1.PersistentVolumeClaimConditionType,
) *corev1.PersistentVolumeClaimCondition {
	if m.Volume == nil {
		return nil
	}
	for i, c := range m.Volume.Status.Conditions {
		if c.Type == t && c.Status == corev1.ConditionTrue {
			return &m.Volume.Status.Conditions[i]
		}
	}
	return nil
}
