// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent"
	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/fence"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/logging"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// run is the whole life of the agent's process. It ends with the container.
func run(ctx context.Context, args []string) error {
	given, err := parse(args)
	if err != nil {
		return err
	}
	// Before anything else: the kubelet copies this into the pod's status when the container has ended, and so whoever
	// reads it there knows which life of the agent is over (PROTOCOL I5).
	if err := os.WriteFile(resource.TerminationMessagePath, []byte(given.id.Nonce), 0o600); err != nil {
		return fmt.Errorf("writing the termination message: %w", err)
	}
	logger := logging.New(os.Stderr, given.format, 0)
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true))
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, logger))
	defer cancel()
	told, unregister := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer unregister()

	reaper := process.NewReaper()
	go reaper.Run(ctx)
	hands, err := fence.New(fence.Options{
		Reaper: reaper, Guard: []string{resource.AgentPath, guardCommand}, Kill: fence.KillContainer, Logger: logger,
	})
	if err != nil {
		return err
	}
	go hands.Watch(ctx)
	credentials := peer.NewCredentials(resource.TLSMountPath, given.engine.peerLogin)
	client, err := newClient()
	if err != nil {
		return err
	}
	peers := peer.NewClient(credentials, resource.PeerPort)
	a, err := agent.New(agent.Options{
		Identity: given.id, Client: client, Fence: hands, Clock: fence.Clock{},
		Peers: peers,
		Engine: given.engine.build(ctx, ground{
			member: given.id.Pod, address: os.Getenv(resource.EnvPodIP), component: given.component, sharded: given.sharded,
			reaper: reaper, hands: hands, peers: peers,
		}),
	})
	if err != nil {
		return err
	}
	serve(ctx, a, credentials)
	return a.Run(ctx, told.Done())
}

// serve answers probes and peers until ctx ends.
func serve(ctx context.Context, a *agent.Agent, credentials *peer.Credentials) {
	logger := klog.FromContext(ctx)
	go func() {
		if err := a.Serve(ctx); err != nil {
			logger.Error(err, "Serving probes ended")
		}
	}()
	go func() {
		if err := peer.Serve(ctx, fmt.Sprintf(":%d", resource.PeerPort), credentials, a.Answers()); err != nil {
			logger.Error(err, "Serving peers ended")
		}
	}()
}

// arguments are what an agent is told at its start: who it is, its engine and the ensemble that it belongs to, whether
// its cluster has shards, and the format of its log.
type arguments struct {
	id        agent.Identity
	engine    offer
	component string
	sharded   bool
	format    string
}

func parse(args []string) (a arguments, err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	allowed := slices.Sorted(maps.Keys(engines))
	engine := flags.String("engine", "", fmt.Sprintf("the engine, one of %v", allowed))
	cluster := flags.String("cluster", "", "the name of the DatabaseCluster")
	flags.StringVar(&a.component, "component", "", "the ensemble that this member belongs to; none for the cluster itself")
	flags.BoolVar(&a.sharded, "sharded", false, "the cluster has shards")
	flags.StringVar(&a.format, "log-format", logging.Text, "the format of the log: text or json")
	if err := flags.Parse(args); err != nil {
		return a, err
	}
	var known bool
	if a.engine, known = engines[v1alpha1.EngineType(*engine)]; !known {
		return a, fmt.Errorf("--engine: %q is not known; allowed are %v", *engine, allowed)
	}
	if a.format != logging.Text && a.format != logging.JSON {
		return a, fmt.Errorf("--log-format must be text or json, not %q", a.format)
	}
	a.id = agent.Identity{
		Namespace: os.Getenv(resource.EnvPodNamespace), Cluster: *cluster,
		Pod: os.Getenv(resource.EnvPodName), PodUID: os.Getenv(resource.EnvPodUID), Nonce: rand.Text()[:8],
	}
	for name, value := range map[string]string{
		"--cluster": a.id.Cluster, resource.EnvPodNamespace: a.id.Namespace, resource.EnvPodName: a.id.Pod,
		resource.EnvPodUID: a.id.PodUID,
	} {
		if value == "" {
			return a, fmt.Errorf("%s is empty", name)
		}
	}
	return a, nil
}

// brokenAfter is how long the API server may leave data unacknowledged before the connection counts as broken. A server
// that is gone without a word would else hold up every request until its own time limit, and with them the renewals.
const brokenAfter = 2 * time.Second

func newClient() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "atlasdb-agent/" + version.Get().String()
	config.QPS = -1 // the election sets its own pace, and must not wait behind reports
	dialer := &net.Dialer{Timeout: election.RequestTimeout, Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(brokenAfter.Milliseconds()))
		}), err)
	}}
	config.Dial = dialer.DialContext
	return kubernetes.NewForConfig(config)
}
