// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command atlasdb-agent is PID 1 of every database container.
//
//	atlasdb-agent install DEST   copies itself to DEST (the init container)
//	atlasdb-agent run            runs the member
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/atlasdb/atlasdb/pkg/agent"
	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

func main() {
	if err := dispatch(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "atlasdb-agent:", err)
		os.Exit(1)
	}
}

func dispatch(args []string) error {
	if len(args) == 2 && args[0] == "install" {
		return install(args[1])
	}
	if len(args) > 0 && args[0] == "run" {
		return run(args[1:])
	}
	return errors.New("usage: atlasdb-agent install DEST | atlasdb-agent run --engine=ENGINE --cluster=CLUSTER")
}

// install copies this program; the image of the engine need not have a shell for it.
func install(dest string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	f, err := os.OpenFile(dest, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o555)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, self)
	return errors.Join(err, f.Close())
}

func run(args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	engine := flags.String("engine", "", "the engine; PostgreSQL")
	cluster := flags.String("cluster", "", "the DatabaseCluster's name")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *engine != "PostgreSQL" || *cluster == "" {
		return fmt.Errorf("--engine=%q --cluster=%q: want PostgreSQL and a name", *engine, *cluster)
	}
	id := agent.Identity{
		Namespace: os.Getenv(resource.EnvPodNamespace), Cluster: *cluster,
		Pod: os.Getenv(resource.EnvPodName), PodUID: os.Getenv(resource.EnvPodUID), Nonce: rand.Text()[:8],
	}
	// Before anything else: whoever reads this message later knows which life of the agent it was (PROTOCOL I5).
	if err := os.WriteFile(resource.TerminationMessagePath, []byte(id.Nonce), 0o644); err != nil {
		return fmt.Errorf("writing the termination message: %w", err)
	}
	logger := textlogger.NewLogger(textlogger.NewConfig())
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true))
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logger))
	defer cancel()
	told, unregister := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer unregister()

	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	config.UserAgent = "atlasdb-agent"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	reaper := process.NewReaper()
	go reaper.Run(ctx)
	driver := postgresql.New(postgresql.Options{
		Member: id.Pod, Root: resource.DataMountPath, SocketDirectory: pure.SocketDirectory, Reaper: reaper,
	})
	a, err := agent.New(client, id, driver)
	if err != nil {
		return err
	}
	go func() {
		if err := a.Serve(ctx, prometheus.NewRegistry()); err != nil {
			logger.Error(err, "Serving probes ended")
		}
	}()
	return a.Run(ctx, told.Done())
}
