// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/atlasdb/atlasdb/test/standin/mongod/server"
)

// The exit codes of mongod ("Exit Codes and Statuses", mongodb.com/docs/manual/reference/exit-codes/).
const (
	exitBadOptions       = 2
	exitNeedDowngrade    = 62
	exitUncaughtError    = 100
	versionVariable      = "MONGOD_STANDIN_VERSION"
	versionFile          = "/etc/mongod-standin-version"
	standardVersion      = "7.0.24"
	simulatedNotice      = "SIMULATED: AtlasDB's stand-in for mongod, which only behaves as MongoDB's documentation says"
	versionText          = "db version v%s\nBuild Info: simulated, not MongoDB: AtlasDB's stand-in\n"
	configurationMissing = "--config is required"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	err := run(ctx, os.Args[1:], os.Stdout, log)
	stop()
	if err == nil {
		return
	}
	log.Error("Exiting", "error", err.Error())
	switch {
	case errors.Is(err, server.ErrOption):
		os.Exit(exitBadOptions)
	case errors.Is(err, server.ErrIncompatibleData):
		os.Exit(exitNeedDowngrade)
	default:
		os.Exit(exitUncaughtError)
	}
}

// run is the whole program, until the context ends or the server does.
func run(ctx context.Context, args []string, out io.Writer, log *slog.Logger) error {
	version := simulatedVersion()
	flags := pflag.NewFlagSet("mongod", pflag.ContinueOnError)
	config := flags.StringP("config", "f", "", "the configuration file, as mongod's")
	show := flags.Bool("version", false, "show the version")
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: %w", server.ErrOption, err)
	}
	if *show {
		_, err := fmt.Fprintf(out, versionText, version)
		return err
	}
	if *config == "" {
		return fmt.Errorf("%w: %s", server.ErrOption, configurationMissing)
	}
	options, err := server.ReadOptions(*config, version)
	if err != nil {
		return err
	}
	log.Info(simulatedNotice, "version", version)
	return serve(ctx, options, log)
}

// simulatedVersion is what the environment says, or else the image.
func simulatedVersion() string {
	if version := os.Getenv(versionVariable); version != "" {
		return version
	}
	if content, err := os.ReadFile(versionFile); err == nil {
		return strings.TrimSpace(string(content))
	}
	return standardVersion
}

// serve runs a server; the context's end asks it to hand over and stop.
func serve(ctx context.Context, options server.Options, log *slog.Logger) error {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", options.Listen)
	if err != nil {
		return err
	}
	life := context.WithoutCancel(ctx)
	s, err := server.New(life, options, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	stop := context.AfterFunc(ctx, func() { s.Stop(life) })
	defer stop()
	if err := s.Serve(listener); !errors.Is(err, server.ErrShutdown) {
		return err
	}
	return nil
}
