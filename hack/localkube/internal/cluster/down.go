// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/mount"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/network"
)

// deathPatience is how long killed processes may take to end.
const deathPatience = 20 * time.Second

// What nodes write outside their folders and cannot be told not to.
const (
	cniResults    = "/var/lib/cni/results" // one file per pod, named after the network
	containerLogs = "/var/log/containers"  // one link per container, into the pod logs
	shimSockets   = "/run/containerd/s"    // one socket per shim
	bundles       = "io.containerd.runtime.v2.task/k8s.io"
)

// Down removes the instance and everything that it left on the machine. What is gone already is no error.
func (c *Cluster) Down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deathPatience)
	defer cancel()
	if err := c.Groups.Kill(ctx, c.Group()); err != nil {
		return err
	}
	problems := []error{network.Down(c.Instance), c.removeStrays(), mount.Detach(c.Folder), c.Groups.Remove(c.Group())}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// Last, since the folder holds the record that a next attempt needs.
	return os.RemoveAll(c.Folder)
}

// removeStrays removes what nodes wrote outside the folder, and those places themselves once they are empty.
func (c *Cluster) removeStrays() error {
	var problems []error
	strays, err := c.strays()
	for _, stray := range strays {
		problems = append(problems, os.Remove(stray))
	}
	for _, folder := range []string{cniResults, filepath.Dir(cniResults), containerLogs, shimSockets,
		filepath.Dir(shimSockets)} {
		_ = os.Remove(folder) // not empty: others use it
	}
	return errors.Join(append(problems, err)...)
}

func (c *Cluster) strays() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(cniResults, c.Network()+"*"))
	if err != nil {
		return nil, err
	}
	for _, node := range c.EachNode() {
		found = append(found, shims(node)...)
	}
	links, err := filepath.Glob(filepath.Join(containerLogs, "*"))
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, c.Folder+"/") {
			found = append(found, link)
		}
	}
	return found, nil
}

// shims lists the sockets of the node's shims as the bundles tell them.
func shims(node instance.Node) []string {
	var sockets []string
	files, _ := filepath.Glob(node.Run("containerd", bundles, "*", "address")) // the pattern is a good one
	for _, file := range files {
		address, err := os.ReadFile(file)
		socket := strings.TrimPrefix(string(address), "unix://")
		if err != nil || filepath.Dir(socket) != shimSockets {
			continue
		}
		if _, err := os.Stat(socket); err == nil {
			sockets = append(sockets, socket)
		}
	}
	return sockets
}

// Leftovers lists what is still on the machine of an instance that is down.
func (c *Cluster) Leftovers() ([]string, error) {
	var found []string
	if c.Groups.Exists(c.Group()) {
		found = append(found, "cgroup "+c.Group())
	}
	points, err := mount.Below(c.Folder)
	if err != nil {
		return nil, err
	}
	for _, point := range points {
		found = append(found, "mount "+point)
	}
	for _, link := range append(network.Links(c.Instance), c.Bridge()) {
		if _, err := os.Stat("/sys/class/net/" + link); err == nil {
			found = append(found, "link "+link)
		}
	}
	strays, err := c.strays()
	for _, stray := range strays {
		found = append(found, "file "+stray)
	}
	if _, statErr := os.Stat(c.Folder); !errors.Is(statErr, fs.ErrNotExist) {
		found = append(found, fmt.Sprintf("folder %s", c.Folder))
	}
	return found, err
}
