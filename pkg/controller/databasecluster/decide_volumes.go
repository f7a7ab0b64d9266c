// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantVolume brings a volume that exists in line: its size, its owner reference, and the label that ties it to this
// cluster. A retained volume is relabelled only once it is known whose data the cluster has; until then its old label
// is the only sign that it holds data worth waiting for.
func (d *Decision) wantVolume(s Snapshot, m Member) error {
	if m.Volume == nil || (systemID(s) == "" && slices.Contains(retainedMembers(s), m.Name)) {
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
	return d.want(s, wanted)
}

// volume is the volume of a member. Its label says with which build the data was last used, so it follows the pod's as
// soon as that is ready: until then the change may still be taken back. It never shrinks: a retained volume may be
// larger than the spec.
func (d *Decision) volume(s Snapshot, m Member, owned bool) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	in := resource.VolumeInput{
		Cluster: s.Cluster, Member: m.Name, Build: d.Build, Owned: owned, Size: s.Cluster.Spec.Storage.Size,
	}
	if m.Volume != nil {
		in.Build = cmp.Or(m.Volume.Labels[v1alpha1.LabelBuild], in.Build)
		if isReady(m) {
			in.Build = cmp.Or(m.Pod.Labels[v1alpha1.LabelBuild], in.Build)
		}
		if has := m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]; has.Cmp(in.Size) > 0 {
			in.Size = has
		}
	}
	return resource.PersistentVolumeClaim(in)
}
