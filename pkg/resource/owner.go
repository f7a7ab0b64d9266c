// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// ownedBy makes a cluster the controller of an object: the garbage collector deletes the object with the cluster, and a
// cluster of the same name but another UID does not take it for its own.
func ownedBy(cluster *v1alpha1.DatabaseCluster) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("DatabaseCluster").
		WithName(cluster.Name).
		WithUID(cluster.UID).
		WithController(true).
		// A foreground deletion of the cluster then waits for its objects.
		WithBlockOwnerDeletion(true)
}
