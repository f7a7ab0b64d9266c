// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// say writes the report and the role label into the own pod, in one patch. The UID keeps a late write of a pod that is
// gone from landing on its successor.
func (c *cluster) say(ctx context.Context, report engine.MemberReport) error {
	encoded, err := engine.EncodeReport(report)
	if err != nil {
		return err
	}
	var label any // null takes the label away
	switch report.Role {
	case v1alpha1.RolePrimary:
		label = v1alpha1.RoleLabelPrimary
	case v1alpha1.RoleReplica:
		label = v1alpha1.RoleLabelReplica
	case v1alpha1.RoleUnknown:
	}
	return c.patchPod(ctx, c.id.Pod, map[string]any{
		"uid":         c.id.PodUID,
		"labels":      map[string]any{v1alpha1.LabelRole: label},
		"annotations": map[string]any{v1alpha1.AnnotationMember: encoded},
	})
}

// ownWords gives the role label and the report that the own pod carries.
func (c *cluster) ownWords(ctx context.Context) (label, report string, err error) {
	pod, err := c.pod(ctx, c.id.Pod)
	if err != nil {
		return "", "", fmt.Errorf("reading the own pod: %w", err)
	}
	return pod.Labels[v1alpha1.LabelRole], pod.Annotations[v1alpha1.AnnotationMember], nil
}

func (c *cluster) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.client.CoreV1().Pods(c.id.Namespace).Get(ctx, name, metav1.GetOptions{})
}

// strip takes the primary's label from another member's pod (PROTOCOL I7). A pod that is not there has none.
func (c *cluster) strip(ctx context.Context, pod string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	const patch = `[{"op":"test","path":"/metadata/labels/atlasdb.io~1role","value":"primary"},` +
		`{"op":"remove","path":"/metadata/labels/atlasdb.io~1role"}]`
	_, err := c.client.CoreV1().Pods(c.id.Namespace).
		Patch(ctx, pod, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil // no such pod, or it does not carry the primary's label
	}
	return err
}

func (c *cluster) patchPod(ctx context.Context, name string, metadata map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	_, err = c.client.CoreV1().Pods(c.id.Namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
