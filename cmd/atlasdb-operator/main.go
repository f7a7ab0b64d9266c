// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/atlasdb/atlasdb/cmd/atlasdb-operator/app"
	"github.com/atlasdb/atlasdb/pkg/version"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "atlasdb-operator:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	opts, err := app.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return app.PrintHelp(os.Stdout)
	}
	if err != nil {
		return err
	}
	if opts.Version {
		_, err := fmt.Fprintln(os.Stdout, version.Get())
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return app.Run(ctx, opts)
}
