// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ground is the localkube instance that is broken and mended.
type ground struct {
	// folder holds the instance, its kubeconfig among the rest.
	folder string
	// Name and Index are the instance's: its control groups are below /lk<Index>.
	Name  string
	Index int
	// program is localkube.
	program string
}

// findGround reads which instance KUBECONFIG leads to.
func findGround() (*ground, error) {
	g := &ground{folder: filepath.Dir(os.Getenv("KUBECONFIG")), program: os.Getenv("LOCALKUBE")}
	record, err := os.ReadFile(filepath.Join(g.folder, "instance.json"))
	if err != nil {
		return nil, fmt.Errorf("faults need localkube, and KUBECONFIG leads elsewhere: %w", err)
	}
	if g.program == "" {
		return nil, errors.New("LOCALKUBE must be the path of localkube")
	}
	return g, json.Unmarshal(record, g)
}

// node breaks or mends a node, or one pod of it: cut, heal, stop, start, freeze, thaw.
func (g *ground) node(ctx context.Context, verb, node string, pod ...string) error {
	return g.localkube(ctx, append([]string{"node", verb, strings.TrimPrefix(node, "node-")}, pod...)...)
}

// localkube runs its program. What it starts outlives the harness and must not keep its output open, hence a file.
func (g *ground) localkube(ctx context.Context, args ...string) error {
	output, err := os.CreateTemp("", "localkube")
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(output.Close(), os.Remove(output.Name())) }()
	args = append([]string{"--name", g.Name, "--state", filepath.Dir(g.folder)}, args...)
	command := exec.CommandContext(ctx, g.program, args...)
	command.Stdout, command.Stderr = output, output
	if err := command.Run(); err != nil {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("localkube %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return nil
}

// mend undoes whatever an earlier run that was killed may have left broken.
func (g *ground) mend(ctx context.Context) error {
	problems := []error{g.signalAPIServer(syscall.SIGCONT), g.localkube(ctx, "up")}
	for n := range 3 {
		problems = append(problems, g.node(ctx, "heal", strconv.Itoa(n+1)), g.node(ctx, "thaw", strconv.Itoa(n+1)))
	}
	return errors.Join(problems...)
}

// namespace is the file of a node's network namespace.
func (g *ground) namespace(node string) string { return filepath.Join(g.folder, "netns", node) }

// signalAPIServer signals the one process that is the API server.
func (g *ground) signalAPIServer(signal syscall.Signal) error {
	found, err := processes(fmt.Sprintf("/lk%d/control/kube-apiserver", g.Index))
	if err != nil {
		return err
	}
	return signalAll(found, signal)
}
