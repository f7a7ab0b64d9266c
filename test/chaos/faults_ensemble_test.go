// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// keepers gives the pods of the ensemble, its leader first.
func (t *trial) keepers(ctx context.Context) (pods []corev1.Pod, err error) {
	cluster, err := t.atlas.AtlasDBV1alpha1().DatabaseClusters(t.ns).Get(ctx, clusterName, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	for _, m := range cluster.Status.MemberStatuses {
		if m.Component == "" {
			continue
		}
		pod, err := t.kube.CoreV1().Pods(t.ns).Get(ctx, m.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		if m.Role == v1alpha1.RolePrimary {
			pods = append([]corev1.Pod{*pod}, pods...)
		} else {
			pods = append(pods, *pod)
		}
	}
	if len(pods) < 3 {
		return nil, fmt.Errorf("%d members of the ensemble, want three or more", len(pods))
	}
	return pods, nil
}

// loseKeeper kills the server of the ensemble's leader, or freezes the leader's pod for a while; the seed decides.
func loseKeeper(ctx context.Context, t *trial) error {
	pods, err := t.keepers(ctx)
	if err != nil {
		return err
	}
	if t.random.IntN(2) == 0 {
		servers, err := inContainer(&pods[0], t.engine.keeper)
		if err != nil {
			return err
		}
		return signalAll(servers, syscall.SIGKILL)
	}
	if err := t.freeze(ctx, pods[0]); err != nil {
		return err
	}
	if !pause(ctx, 15*time.Second) {
		return ctx.Err()
	}
	return nil
}

// loseKeeperQuorum freezes a majority of the ensemble, and holds the members to what they then owe: status says that
// they wait, each of them serves reads, and none acknowledges a write.
func loseKeeperQuorum(ctx context.Context, t *trial) error {
	pods, err := t.keepers(ctx)
	if err != nil {
		return err
	}
	if err := t.freeze(ctx, pods[:len(pods)/2+1]...); err != nil {
		return err
	}
	err = awaitObject(ctx, t.atlas.AtlasDBV1alpha1().DatabaseClusters(t.ns), clusterName,
		func(c *v1alpha1.DatabaseCluster) bool {
			if c == nil {
				return false
			}
			available := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionAvailable)
			return available != nil && available.Reason == v1alpha1.ReasonWaitingForQuorum
		})
	if err != nil {
		return fmt.Errorf("waiting for Available=False/%s: %w", v1alpha1.ReasonWaitingForQuorum, err)
	}
	without := now()
	if !pause(ctx, t.between(2*time.Second, 10*time.Second)) {
		return ctx.Err()
	}
	if err := t.eachMember(ctx, func(rows, _ []row) error {
		if len(rows) == 0 {
			return errors.New("no rows without a quorum")
		}
		return nil
	}); err != nil {
		return fmt.Errorf("reading without a quorum: %w", err)
	}
	for session := range insider + 1 {
		if w := t.writer.lastAck(session); w.Begun > without {
			return fmt.Errorf("without a quorum: %v", w)
		}
	}
	return nil
}
