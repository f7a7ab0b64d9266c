// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/atlasdb/atlasdb/pkg/agent"
	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// run is the whole life of the agent's process. It ends with the container.
func run(ctx context.Context, args []string) error {
	id, err := identity(args)
	if err != nil {
		return err
	}
	// Before anything else: the kubelet copies this into the pod's status when the container has ended, and so whoever
	// reads it there knows which life of the agent is over (PROTOCOL I5).
	if err := os.WriteFile(resource.TerminationMessagePath, []byte(id.Nonce), 0o600); err != nil {
		return fmt.Errorf("writing the termination message: %w", err)
	}
	logger := textlogger.NewLogger(textlogger.NewConfig())
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true))
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, logger))
	defer cancel()
	told, unregister := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer unregister()

	client, err := newClient()
	if err != nil {
		return err
	}
	reaper := process.NewReaper()
	go reaper.Run(ctx)
	a, err := agent.New(client, id, postgresql.New(postgresql.Options{
		Member: id.Pod, Root: resource.DataMountPath, SocketDirectory: pure.SocketDirectory, Reaper: reaper,
	}))
	if err != nil {
		return err
	}
	go func() {
		if err := a.Serve(ctx, postgresql.NewMetrics(ctx, pure.SocketDirectory)); err != nil {
			logger.Error(err, "Serving probes ended")
		}
	}()
	return a.Run(ctx, told.Done())
}

// identity reads who this agent is.
func identity(args []string) (agent.Identity, error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	engine := flags.String("engine", "", "the engine: PostgreSQL")
	cluster := flags.String("cluster", "", "the name of the DatabaseCluster")
	if err := flags.Parse(args); err != nil {
		return agent.Identity{}, err
	}
	if v1alpha1.EngineType(*engine) != v1alpha1.EnginePostgreSQL {
		return agent.Identity{}, fmt.Errorf("--engine: %q is not known; allowed is PostgreSQL", *engine)
	}
	id := agent.Identity{
		Namespace: os.Getenv(resource.EnvPodNamespace), Cluster: *cluster,
		Pod: os.Getenv(resource.EnvPodName), PodUID: os.Getenv(resource.EnvPodUID), Nonce: rand.Text()[:8],
	}
	for name, value := range map[string]string{
		"--cluster": id.Cluster, resource.EnvPodNamespace: id.Namespace, resource.EnvPodName: id.Pod,
		resource.EnvPodUID: id.PodUID,
	} {
		if value == "" {
			return agent.Identity{}, fmt.Errorf("%s is empty", name)
		}
	}
	return id, nil
}

func newClient() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "atlasdb-agent/" + version.Get().String()
	return kubernetes.NewForConfig(config)
}
