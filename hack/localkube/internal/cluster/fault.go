// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/mount"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/network"
)

// ErrNoPod is returned when the node runs no such pod.
var ErrNoPod = errors.New("no such pod on the node")

// StopNode takes the node's power: every process of it dies at once, shims and containers included, and what it kept
// in memory is gone. Its disk stays.
func (c *Cluster) StopNode(ctx context.Context, node instance.Node) error {
	ctx, cancel := context.WithTimeout(ctx, deathPatience)
	defer cancel()
	if err := c.Groups.Kill(ctx, node.Group()); err != nil {
		return err
	}
	err := errors.Join(remove(shims(node)), network.Drop(node.Namespace()), mount.Detach(node.Path()))
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(node.Run()), c.Groups.Remove(node.Group()))
}

// StartNode gives the node its power back.
func (c *Cluster) StartNode(ctx context.Context, node instance.Node) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c.starter.Fail = fail
	if err := network.NodeUp(c.Instance, node); err != nil {
		return err
	}
	if err := c.startRuntime(ctx, node, ""); err != nil {
		return err
	}
	return c.startAgents(node)
}

// FreezeNode stops the node's containers from being scheduled, while kubelet lives on. With a pod's NAMESPACE/NAME,
// only that pod's.
func (c *Cluster) FreezeNode(ctx context.Context, node instance.Node, pod string) error {
	group, err := c.podsGroup(ctx, node, pod)
	if err != nil {
		return err
	}
	return c.Groups.Freeze(group)
}

// ThawNode undoes FreezeNode.
func (c *Cluster) ThawNode(ctx context.Context, node instance.Node, pod string) error {
	group, err := c.podsGroup(ctx, node, pod)
	if err != nil {
		return err
	}
	return c.Groups.Thaw(group)
}

// podsGroup finds the pod's group, which lies below that of its quality of service class.
func (c *Cluster) podsGroup(ctx context.Context, node instance.Node, pod string) (string, error) {
	if pod == "" {
		return node.PodsGroup(), nil
	}
	namespace, name, ok := strings.Cut(pod, "/")
	if !ok {
		return "", fmt.Errorf("%w: %q must be NAMESPACE/POD", ErrNoPod, pod)
	}
	uid, err := c.kubectl(ctx, "get", "pod", name, "--namespace", namespace, "--output=jsonpath={.metadata.uid}")
	if err != nil {
		return "", err
	}
	for _, class := range []string{"", "burstable", "besteffort"} {
		group := filepath.Join(node.PodsGroup(), class, "pod"+uid)
		if c.Groups.Exists(group) {
			return group, nil
		}
	}
	return "", fmt.Errorf("%w: %s on %s", ErrNoPod, pod, node.Name())
}
