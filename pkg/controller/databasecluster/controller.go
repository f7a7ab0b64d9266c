// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/consistency"
	"github.com/atlasdb/atlasdb/pkg/controller/loop"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
	atlasinformers "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	listers "github.com/atlasdb/atlasdb/pkg/generated/listers/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Name is the controller's name in logs, metrics and as field manager.
const Name = "databasecluster"

// FieldManager owns the fields that this controller writes.
const FieldManager = "atlasdb-" + Name

// Options are what a Controller is made of.
type Options struct {
	// Client and KubeClient are the API server.
	Client     versioned.Interface
	KubeClient kubernetes.Interface
	// Informers are those of AtlasDB's own kinds, KubeInformers those of the children, filtered to what is managed by
	// AtlasDB.
	Informers     atlasinformers.SharedInformerFactory
	KubeInformers informers.SharedInformerFactory
	// Engines are the engines that this operator knows.
	Engines map[v1alpha1.EngineType]engine.Engine
	// Agent is the agent of new pods.
	Agent resource.Agent
	// Recorder tells events.
	Recorder events.EventRecorder
	// DrainTimeout is how long syncs in flight may go on after Run's context has ended.
	DrainTimeout time.Duration
	// MetricsProvider, Observer and Failovers count; nil leaves uncounted.
	MetricsProvider workqueue.MetricsProvider
	Observer        loop.Observer
	Failovers       FailoverObserver
	// Clock is the time of decisions; nil is time.Now.
	Clock func() time.Time
}

// FailoverObserver is told of every change of primary, switchovers included, and its reason.
type FailoverObserver interface {
	ObserveFailover(reason string)
}

// Controller keeps every DatabaseCluster as its spec says.
type Controller struct {
	client     versioned.Interface
	clusters   listers.DatabaseClusterLister
	offers     listers.DatabaseEngineLister
	operations listers.DatabaseOperationLister
	children   []child
	writer     apply.Writer
	gate       *consistency.Gate
	loop       *loop.Loop
	recorder   events.EventRecorder
	failovers  FailoverObserver
	engines    map[v1alpha1.EngineType]engine.Engine
	agent      resource.Agent
	clock      func() time.Time
	synced     []cache.DoneChecker
}

// New makes a Controller and registers its event handlers; the informers are started by the caller.
func New(o Options) (*Controller, error) {
	c := &Controller{
		client:     o.Client,
		clusters:   o.Informers.AtlasDB().V1alpha1().DatabaseClusters().Lister(),
		offers:     o.Informers.AtlasDB().V1alpha1().DatabaseEngines().Lister(),
		operations: o.Informers.AtlasDB().V1alpha1().DatabaseOperations().Lister(),
		children:   childrenFrom(o.KubeInformers),
		writer:     apply.Writer{Client: o.KubeClient, FieldManager: FieldManager},
		recorder:   o.Recorder,
		failovers:  o.Failovers,
		engines:    o.Engines,
		agent:      o.Agent,
		clock:      o.Clock,
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	c.loop = loop.New(loop.Options{
		Name: Name, Sync: c.sync, DrainTimeout: o.DrainTimeout,
		MetricsProvider: o.MetricsProvider, Observer: o.Observer,
	})
	stores := map[string]consistency.Store{
		"databaseclusters": o.Informers.AtlasDB().V1alpha1().DatabaseClusters().Informer().GetStore(),
	}
	for _, child := range c.children {
		stores[apply.Kinds[child.kind]] = child.informer.GetStore()
	}
	c.gate = consistency.NewGate(stores)
	if err := c.handle(o.Informers); err != nil {
		return nil, fmt.Errorf("registering event handlers: %w", err)
	}
	return c, nil
}

// Name is the controller's name.
func (*Controller) Name() string { return Name }

// Run works until ctx ends, and returns when every goroutine of it has.
func (c *Controller) Run(ctx context.Context, workers int) {
	// Without a name it logs nothing; the informers' names are long, and /readyz tells what is missing.
	if cache.WaitFor(ctx, "", c.synced...) {
		c.loop.Run(ctx, workers)
	}
}

// Check returns an error when a worker is stuck; it feeds the liveness probe.
func (c *Controller) Check() error { return c.loop.Check() }
