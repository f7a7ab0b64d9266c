// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"os"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/image"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// containerdProgram is where Debian's package puts it.
const containerdProgram = "/usr/bin/containerd"

// startRuntime starts the node's containerd with the seed's images and the project's, if that was built.
func (c *Cluster) startRuntime(ctx context.Context, node instance.Node, seed string) error {
	return c.Report.Step(node.Name()+": containerd", func() error {
		if err := image.Plant(ctx, seed, node.Path("containerd")); err != nil {
			return err
		}
		if err := c.makeNodeGroups(node); err != nil {
			return err
		}
		if err := c.starter.Start(c.containerd(node)); err != nil {
			return err
		}
		if err := c.awaitSocket(ctx, node.Socket()); err != nil {
			return err
		}
		return c.loadProject(ctx, node)
	})
}

// makeNodeGroups makes the groups that kubelet and shims expect to be there.
func (c *Cluster) makeNodeGroups(node instance.Node) error {
	if err := os.MkdirAll(node.Run(), 0o755); err != nil {
		return err
	}
	for _, group := range []string{node.Group(), node.ComponentGroup("shims")} {
		if err := c.Groups.Make(group); err != nil {
			return err
		}
	}
	return nil
}

// startAgents starts what makes the machine a node of the cluster.
func (c *Cluster) startAgents(node instance.Node) error {
	for _, spec := range []daemon.Spec{c.kubelet(node), c.proxy(node)} {
		if err := c.starter.Start(spec); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) onNode(node instance.Node, name, program string, arguments ...string) daemon.Spec {
	return daemon.Spec{
		Name:      node.Component(name),
		Argv:      append([]string{program}, arguments...),
		Group:     node.ComponentGroup(name),
		Namespace: node.Namespace(),
		Log:       c.LogFile(node.Component(name)),
	}
}

func (c *Cluster) containerd(node instance.Node) daemon.Spec {
	return c.onNode(node, "containerd", containerdProgram,
		"--config", node.ConfigFile("containerd.toml"), "--log-level", "info")
}

func (c *Cluster) kubelet(node instance.Node) daemon.Spec {
	return c.onNode(node, "kubelet", c.programs.Path("kubelet"),
		"--config="+node.ConfigFile("kubelet.yaml"),
		"--kubeconfig="+c.ConfigFile(nodeIdentity(node)+".kubeconfig"),
		"--root-dir="+node.Path("kubelet"),
		"--hostname-override="+node.Name(), "--node-ip="+node.IP().String(),
		"--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone="+node.Zone(),
	)
}

func (c *Cluster) proxy(node instance.Node) daemon.Spec {
	return c.onNode(node, "kube-proxy", c.programs.Path("kube-proxy"), "--config="+node.ConfigFile("kube-proxy.yaml"))
}
