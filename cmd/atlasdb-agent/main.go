// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command atlasdb-agent is PID 1 of every database container.
//
//	atlasdb-agent install DEST   copies itself to DEST; the init container of a member does it
//	atlasdb-agent run            runs the member
//	atlasdb-agent guard          fences the engine when the agent cannot; the agent starts it
//	atlasdb-agent version        prints the version
//
// Read run.go for the wiring, then pkg/agent/doc.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/atlasdb/atlasdb/pkg/agent/fence"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// guardCommand is the subcommand that the agent starts as its second hand.
const guardCommand = "guard"

func main() {
	if err := dispatch(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "atlasdb-agent:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "install":
		return install(args[1])
	case len(args) > 0 && args[0] == "run":
		return run(ctx, args[1:])
	case len(args) == 1 && args[0] == guardCommand:
		return fence.Guard()
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Fprintln(os.Stdout, version.Get())
		return err
	}
	return errors.New("usage: atlasdb-agent install DEST | " +
		"run --engine=ENGINE --cluster=CLUSTER [--log-format=text|json] | guard | version")
}

// install copies this program, so that it can run in the vendor's own image of the engine. It needs no shell, which the
// image of AtlasDB does not have.
func install(dest string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("opening this program: %w", err)
	}
	defer func() { _ = self.Close() }()
	// Beside it and then in its place: the folder outlives a node that lost its power, and the copy of then cannot be
	// written to.
	f, err := os.CreateTemp(filepath.Dir(dest), ".agent-*")
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	_, err = io.Copy(f, self)
	if err := errors.Join(err, f.Chmod(0o555), f.Close()); err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	if err := os.Rename(f.Name(), dest); err != nil {
		return fmt.Errorf("putting the copy in its place: %w", err)
	}
	return nil
}
