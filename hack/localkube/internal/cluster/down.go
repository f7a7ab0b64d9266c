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
	"slices"
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
	// Last, since the folder holds the record that a next attempt needs. More than once if need be, since the copying
	// of an `up` that was killed goes on for a moment.
	return await(ctx, c.Folder, func(context.Context) error { return os.RemoveAll(c.Folder) })
}

// removeStrays removes what nodes wrote outside the folder, and those places themselves once they are empty.
func (c *Cluster) removeStrays() error {
	strays, err := c.strays()
	if err := errors.Join(err, remove(strays)); err != nil {
		return err
	}
	for _, folder := range []string{cniResults, filepath.Dir(cniResults), containerLogs, shimSockets,
		filepath.Dir(shimSockets)} {
		_ = os.Remove(folder) // not empty: others use it
	}
	return nil
}

// remove removes files; one that is gone already is no error.
func remove(files []string) error {
	var problems []error
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (c *Cluster) strays() ([]string, error) {
	results, err := filepath.Glob(filepath.Join(cniResults, c.Network()+"*"))
	if err != nil {
		return nil, err
	}
	found := results
	for _, result := range results {
		found = append(found, loopbackResult(result))
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

// loopbackResult names what the loopback plugin, whose network all nodes share, noted of the same pod. The last but
// one part of a result's name is the pod's sandbox.
func loopbackResult(result string) string {
	parts := strings.Split(filepath.Base(result), "-")
	return filepath.Join(cniResults, "cni-loopback-"+parts[max(0, len(parts)-2)]+"-lo")
}

// shims lists the sockets of the node's shims as the bundles tell them. A pod's containers share one.
func shims(node instance.Node) []string {
	var sockets []string
	files, _ := filepath.Glob(node.Run("containerd", bundles, "*", "address")) // the pattern is a good one
	for _, file := range files {
		address, err := os.ReadFile(file)
		socket := strings.TrimPrefix(string(address), "unix://")
		if err != nil || filepath.Dir(socket) != shimSockets {
			continue
		}
		if _, err := os.Stat(socket); err == nil && !slices.Contains(sockets, socket) {
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
