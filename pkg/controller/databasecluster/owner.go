// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// ownership says whose an object is. Nothing is ever written to an object that is not ours or ours to adopt.
type ownership int

const (
	// ours: the cluster is its controller.
	ours ownership = iota
	// adoptable: it carries our labels and nobody controls it; a volume that was retained, or an orphan.
	adoptable
	// leaving: it belongs to a former cluster of this name, or is being deleted; it will go by itself.
	leaving
	// foreign: somebody else's. It is left untouched, and the user is told.
	foreign
)

// ownerOf tells whose an object is.
func ownerOf(o metav1.Object, cluster *v1alpha1.DatabaseCluster) ownership {
	controller := metav1.GetControllerOf(o)
	switch {
	case o.GetDeletionTimestamp() != nil:
		return leaving
	case controller == nil:
		if o.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy &&
			o.GetLabels()[v1alpha1.LabelCluster] == cluster.Name {
			return adoptable
		}
		return foreign
	case controller.UID == cluster.UID:
		return ours
	case controller.Kind == "DatabaseCluster" && controller.Name == cluster.Name &&
		strings.HasPrefix(controller.APIVersion, v1alpha1.GroupName+"/"):
		return leaving
	}
	return foreign
}

// offerName is the name of the DatabaseEngine of an engine.
func offerName(t v1alpha1.EngineType) string { return strings.ToLower(string(t)) }
