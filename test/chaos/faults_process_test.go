// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"syscall"
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

// freezeContainer freezes the whole pod by its control group: nothing in it runs, and its peers see silence. When the
// kubelet has meanwhile ended the container there is nothing left to thaw.
func freezeContainer(ctx context.Context, t *trial) error {
	pod := t.ns + "/" + t.primary.Name
	t.undo = func(ctx context.Context) error {
		if found, err := inContainer(&t.primary, isAgent); err != nil || len(found) == 0 {
			return nil //nolint:nilerr // the container has ended
		}
		return t.node(ctx, "thaw", t.primary.Spec.NodeName, pod)
	}
	return t.node(ctx, "freeze", t.primary.Spec.NodeName, pod)
}
