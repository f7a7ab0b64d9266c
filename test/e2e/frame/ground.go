// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func kubectlProgram() string { return cmp.Or(os.Getenv("KUBECTL"), "kubectl") }

// localkube is the instance of a local Kubernetes.
type localkube struct {
	Name   string
	folder string
}

// local gives the instance that KUBECONFIG leads to, nil for any other Kubernetes.
func local() *localkube {
	l := &localkube{folder: filepath.Dir(os.Getenv("KUBECONFIG"))}
	record, err := os.ReadFile(filepath.Join(l.folder, "instance.json"))
	if err != nil || json.Unmarshal(record, l) != nil {
		return nil
	}
	return l
}

// IsLocal says whether this is localkube, where the servers are what this machine could build.
func IsLocal() bool { return local() != nil }

// CanLoseNodes says whether nodes can be stopped and started here: they can on localkube.
func CanLoseNodes() bool { return local() != nil && os.Getenv("LOCALKUBE") != "" }

// LoseNode takes the power of a pod's node. It gives it back when the test ends, at the latest; what is returned does
// so at once. Where no node can be lost the test is skipped.
func (f *Frame) LoseNode(node string) (giveBack func()) {
	f.Helper()
	if !CanLoseNodes() {
		f.Skip("NOT CHECKED: a node can be lost only on localkube, and LOCALKUBE must be its path")
	}
	lost := false
	giveBack = func() {
		f.Helper()
		if lost {
			lost = false
			f.node(context.WithoutCancel(f.Context()), "start", node)
		}
	}
	f.Cleanup(giveBack)
	lost = true
	f.node(f.Context(), "stop", node)
	return giveBack
}

// node breaks or mends a node. What localkube starts outlives it and must not keep its output open, hence no pipe.
func (f *Frame) node(ctx context.Context, verb, node string) {
	f.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	l := local()
	command := exec.CommandContext(ctx, os.Getenv("LOCALKUBE"), "--name", l.Name, "--state", filepath.Dir(l.folder),
		"node", verb, strings.TrimPrefix(node, "node-"))
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		f.Errorf("localkube node %s %s: %v", verb, node, err)
	}
	f.Step("node %s: %s", node, verb)
}
