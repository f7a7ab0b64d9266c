// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// VolumeInput says what the volume of a member is made of.
type VolumeInput struct {
	// Cluster is whose volume it is.
	Cluster *v1alpha1.DatabaseCluster
	// Member is the member's name.
	Member string
	// Build is the engine's build that the data was last used with.
	Build string
	// Size is the capacity.
	Size resource.Quantity
	// Owned says that the volume is deleted with the cluster (DeletionPolicy Delete).
	Owned bool
}

// PersistentVolumeClaim is the volume of a member. Its labels say whose data it holds even when the cluster is gone: by
// them a cluster of the same name finds its data again, and knows that it was another's before (PROTOCOL I10).
func PersistentVolumeClaim(in VolumeInput) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	storage := in.Cluster.Spec.Storage
	spec := corev1ac.PersistentVolumeClaimSpec().
		// Not ReadWriteOncePod: drivers that are not CSI do not know it. The agent's own lock on the volume keeps a
		// second engine away (PROTOCOL I11).
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: in.Size}))
	if storage.ClassName != nil {
		spec.WithStorageClassName(*storage.ClassName)
	}
	claim := corev1ac.PersistentVolumeClaim(in.Member, in.Cluster.Namespace).
		WithLabels(memberLabels(in.Cluster, in.Member, in.Build)).
		WithLabels(map[string]string{v1alpha1.LabelClusterUID: string(in.Cluster.UID)}).
		WithSpec(spec)
	if in.Owned {
		claim.WithOwnerReferences(ownedBy(in.Cluster))
	}
	return claim
}
