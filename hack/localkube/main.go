// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/cli"
)

// source is this module's part that the cluster's programs are built from. The executable carries it, so that it can
// be run from anywhere and always builds what it was itself built with.
//
//go:embed go.mod go.sum cmd
var source embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := cli.Root(source).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "localkube:", err)
		os.Exit(1)
	}
}
