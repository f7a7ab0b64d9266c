// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// signal sends a signal to the processes of a role in the primary's container and gives them.
func (t *trial) signal(is role, signal syscall.Signal) ([]process, error) {
	found, err := inContainer(&t.primary, is)
	if err != nil {
		return nil, err
	}
	return found, signalAll(found, signal)
}

func killEngine(_ context.Context, t *trial) error {
	_, err := t.signal(t.engine.server, syscall.SIGKILL)
	return err
}

func killAgent(_ context.Context, t *trial) error {
	_, err := t.signal(isAgent, syscall.SIGKILL)
	return err
}

func killGuard(_ context.Context, t *trial) error {
	_, err := t.signal(isGuard, syscall.SIGKILL)
	return err
}

func stopAgent(_ context.Context, t *trial) error {
	stopped, err := t.signal(isAgent, syscall.SIGSTOP)
	t.undo = func(context.Context) error { return signalAll(stopped, syscall.SIGCONT) }
	return err
}

// slowReplica keeps a replica from receiving, and so from confirming, while its connection stays open.
func slowReplica(_ context.Context, t *trial) error {
	receivers, err := inContainer(&t.replicas[0], t.engine.receiver)
	if err != nil {
		return err
	}
	t.undo = func(context.Context) error { return signalAll(receivers, syscall.SIGCONT) }
	return signalAll(receivers, syscall.SIGSTOP)
}

func freezeContainer(ctx context.Context, t *trial) error { return t.freeze(ctx, t.primary) }

// freeze freezes whole pods by their control groups: nothing in them runs, and their peers see silence. When the
// kubelet has meanwhile ended a container there is nothing left to thaw.
func (t *trial) freeze(ctx context.Context, pods ...corev1.Pod) error {
	t.undo = func(ctx context.Context) error {
		var problems []error
		for _, p := range pods {
			if found, err := inContainer(&p, isAgent); err == nil && len(found) > 0 {
				problems = append(problems, t.node(ctx, "thaw", p.Spec.NodeName, p.Namespace+"/"+p.Name))
			}
		}
		return errors.Join(problems...)
	}
	for _, p := range pods {
		if err := t.node(ctx, "freeze", p.Spec.NodeName, p.Namespace+"/"+p.Name); err != nil {
			return err
		}
	}
	return nil
}
