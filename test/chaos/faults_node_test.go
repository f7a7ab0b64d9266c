// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// cutCable pulls the cable of the primary's node. What runs on it reaches each other still, the insider's session and
// the primary among them, and nobody else.
func cutCable(ctx context.Context, t *trial) error {
	node := t.primary.Spec.NodeName
	t.undo = func(ctx context.Context) error { return t.node(ctx, "heal", node) }
	return t.node(ctx, "cut", node)
}

func stopNode(ctx context.Context, t *trial) error {
	node := t.primary.Spec.NodeName
	t.undo = func(ctx context.Context) error { return t.node(ctx, "start", node) }
	return t.node(ctx, "stop", node)
}

// downAPI freezes the API server, so that requests hang, or kills it, so that they are refused; the seed decides.
func downAPI(_ context.Context, t *trial) error {
	if t.random.IntN(2) == 0 {
		t.undo = func(context.Context) error { return t.signalAPIServer(syscall.SIGCONT) }
		return t.signalAPIServer(syscall.SIGSTOP)
	}
	t.undo = func(ctx context.Context) error { return t.localkube(ctx, "up") }
	return t.signalAPIServer(syscall.SIGKILL)
}

func cutWithoutOperator(ctx context.Context, t *trial) error {
	return t.withoutOperator(ctx, cutCable)
}

func stopWithoutOperator(ctx context.Context, t *trial) error {
	return t.withoutOperator(ctx, stopNode)
}

// withoutOperator strikes once no operator is left. It comes back when the rest has been mended.
func (t *trial) withoutOperator(ctx context.Context, strike func(context.Context, *trial) error) error {
	t.undo = t.bringOperatorBack
	if err := t.scaleOperator(ctx, 0); err != nil {
		return err
	}
	t.struck = now()
	err := strike(ctx, t)
	mend := t.undo
	t.undo = func(ctx context.Context) error { return errors.Join(mend(ctx), t.bringOperatorBack(ctx)) }
	return err
}

const operatorReplicas = 2

func (t *trial) bringOperatorBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryDeadline)
	defer cancel()
	return t.scaleOperator(ctx, operatorReplicas)
}

// scaleOperator waits until as many operators are there as wanted.
func (f *frame) scaleOperator(ctx context.Context, replicas int32) error {
	deployments := f.kube.AppsV1().Deployments("atlasdb-system")
	patched, err := deployments.Patch(ctx, "atlasdb-operator", types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	return awaitObject(ctx, deployments, patched.Name, func(d *appsv1.Deployment) bool {
		return d != nil && d.Status.ObservedGeneration >= patched.Generation && d.Status.Replicas == replicas &&
			d.Status.AvailableReplicas == replicas
	})
}
