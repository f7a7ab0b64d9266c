// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// folders provisions volumes as root/<node>/<volume>.
type folders struct {
	root string
}

// Provision makes the folder as a new file system would be, root's with mode 0755: access comes from fsGroup alone.
func (f folders) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished,
			fmt.Errorf("claim %s has no node yet: the StorageClass must wait for the first consumer", options.PVC.Name)
	}
	path := filepath.Join(f.root, options.SelectedNodeName, options.PVName)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return volume(path, options), controller.ProvisioningFinished, nil
}

// Delete removes the folder and all data in it.
func (f folders) Delete(_ context.Context, pv *corev1.PersistentVolume) error {
	if pv.Spec.Local == nil || !filepath.IsLocal(pv.Name) {
		return fmt.Errorf("volume %s is not of this provisioner's making", pv.Name)
	}
	node := filepath.Base(filepath.Dir(pv.Spec.Local.Path))
	return os.RemoveAll(filepath.Join(f.root, node, pv.Name))
}

func volume(path string, options controller.ProvisionOptions) *corev1.PersistentVolume {
	size := options.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: size},
			AccessModes:                   options.PVC.Spec.AccessModes,
			VolumeMode:                    new(corev1.PersistentVolumeFilesystem),
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity:                  onNode(options.SelectedNodeName),
		},
	}
}

func onNode(name string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{name},
			}},
		}},
	}}
}
