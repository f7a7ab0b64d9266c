// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"path/filepath"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
)

// Component is the state of one daemon.
type Component struct {
	Name    string
	Running bool
	Log     string
}

// Fact is one thing to know about a cluster.
type Fact struct{ Name, Value string }

// Components tells of every daemon whether it runs.
func (c *Cluster) Components() ([]Component, error) {
	specs := append([]daemon.Spec{c.etcd(), c.apiServer()}, c.controllers()...)
	for _, node := range c.EachNode() {
		specs = append(specs, c.containerd(node), c.kubelet(node), c.proxy(node))
	}
	var components []Component
	for _, spec := range specs {
		running, err := daemon.Running(c.Groups, spec)
		if err != nil {
			return nil, err
		}
		components = append(components, Component{Name: spec.Name, Running: running, Log: spec.Log})
	}
	return components, nil
}

// Facts lists where everything is.
func (c *Cluster) Facts() []Fact {
	return []Fact{
		{"kubeconfig", c.Kubeconfig()},
		{"kubectl", filepath.Join(c.Cache, "bin", "kubectl")},
		{"audit log", c.AuditLog()},
		{"volumes", c.Volumes()},
		{"control group", c.Group()},
		{"bridge", c.Bridge() + " " + c.NodeSubnet().String()},
		{"nodes and pods", c.Subnet().String()},
		{"services", c.ServiceSubnet().String()},
	}
}
