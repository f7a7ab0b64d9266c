// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func deletePod(ctx context.Context, t *trial) error {
	return t.remove(ctx, &t.primary, metav1.DeleteOptions{})
}

// forceDeletePod takes the pod out of the API at once, while its processes still run; the name is free for a successor.
func forceDeletePod(ctx context.Context, t *trial) error {
	return t.remove(ctx, &t.primary, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
}

func (t *trial) remove(ctx context.Context, pod *corev1.Pod, how metav1.DeleteOptions) error {
	how.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	return t.kube.CoreV1().Pods(t.ns).Delete(ctx, pod.Name, how)
}

func deleteLease(ctx context.Context, t *trial) error {
	return t.kube.CoordinationV1().Leases(t.ns).Delete(ctx, clusterName+"-db", metav1.DeleteOptions{})
}

// switchover asks for one, to a member that the seed names or to whom the cluster chooses; of shards one must be named.
func switchover(ctx context.Context, t *trial) error {
	wanted := &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "switchover-"},
		Spec: v1alpha1.DatabaseOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: clusterName}, Type: v1alpha1.OperationSwitchover,
		},
	}
	if t.random.IntN(2) == 0 || t.engine.shards > 0 {
		wanted.Spec.Switchover = &v1alpha1.SwitchoverOperation{Target: t.replicas[0].Name}
	}
	operations := t.atlas.AtlasDBV1alpha1().DatabaseOperations(t.ns)
	made, err := operations.Create(ctx, wanted, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return awaitObject(ctx, operations, made.Name, func(o *v1alpha1.DatabaseOperation) bool {
		return o != nil && meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionComplete)
	})
}
