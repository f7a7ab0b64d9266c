// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/scheme"
	"github.com/atlasdb/atlasdb/pkg/health"
	"github.com/atlasdb/atlasdb/pkg/logging"
	"github.com/atlasdb/atlasdb/pkg/metrics"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// Run is the whole life of the operator's process. It returns nil when ctx ended and everything was left in order.
func Run(ctx context.Context, opts *Options) error {
	logger := logging.New(os.Stderr, opts.LogFormat, opts.Verbosity)
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true))
	ctx = klog.NewContext(ctx, logger)

	m := metrics.New()
	config, err := restConfig(opts)
	if err != nil {
		return err
	}
	config.Wrap(m.Transport)
	c, err := newClients(config)
	if err != nil {
		return err
	}
	var l *leader
	if opts.LeaderElection.Enabled {
		if l, err = newLeader(config, opts.LeaderElection); err != nil {
			return err
		}
	}
	o, err := newOperator(opts, m, c, l)
	if err != nil {
		return err
	}
	if err := o.listen(ctx); err != nil {
		return err
	}
	logger.Info("Started operator", "version", version.Get().String(), "namespaces", opts.Namespaces)
	if err := o.run(ctx); err != nil {
		return err
	}
	logger.Info("Stopped operator")
	return nil
}

// operator is everything that runs in the process.
type operator struct {
	opts        *Options
	metrics     *metrics.Metrics
	leader      *leader // nil without leader election
	broadcaster events.EventBroadcaster
	scopes      []*scope
	controllers []controller
	server      *health.Server // set by listen
}

// newOperator puts the operator together, in the order in which the parts need each other; nothing runs yet.
func newOperator(opts *Options, m *metrics.Metrics, c clients, l *leader) (*operator, error) {
	o := &operator{opts: opts, metrics: m, leader: l}
	o.broadcaster = events.NewBroadcaster(&events.EventSinkImpl{Interface: c.kube.EventsV1()})
	recorder := o.broadcaster.NewRecorder(scheme.Scheme, "atlasdb-operator")

	namespaces := opts.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var listers []metrics.ClusterLister
	for _, namespace := range namespaces {
		s := newScope(c, namespace, opts.ResyncPeriod)
		controllers, err := newControllers(s, parts{opts: opts, clients: c, metrics: m, recorder: recorder})
		if err != nil {
			return nil, err
		}
		o.scopes = append(o.scopes, s)
		o.controllers = append(o.controllers, controllers...)
		listers = append(listers, s.atlas.AtlasDB().V1alpha1().DatabaseClusters().Lister())
	}
	m.WatchClusters(listers...)
	m.WatchInformers(o.synced)
	return o, nil
}

// listen binds the address of metrics and probes.
func (o *operator) listen(ctx context.Context) (err error) {
	o.server, err = health.Listen(ctx, o.health())
	return err
}

// run works until ctx ends; listen comes before it. What work in flight leans on lives longer than ctx, until all work
// is done.
func (o *operator) run(ctx context.Context) error {
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	var serving sync.WaitGroup
	var serveErr error
	serving.Go(func() {
		defer stop() // without probes the process would be killed in the middle of its work
		serveErr = o.server.Serve(alive)
	})
	if err := o.broadcaster.StartRecordingToSinkWithContext(alive); err != nil {
		return fmt.Errorf("starting to record events: %w", err)
	}
	for _, s := range o.scopes {
		s.start(alive)
	}

	if err := o.lead(ctx); err != nil {
		return err // another process may act by now: wait for nothing
	}
	o.broadcaster.Shutdown()
	end()
	for _, s := range o.scopes {
		s.shutdown()
	}
	serving.Wait()
	return serveErr
}

// lead waits for full caches and for the Lease, then runs the controllers until ctx ends. The caches come first: a
// process that may not read what it needs must not keep another from working.
func (o *operator) lead(ctx context.Context) error {
	for _, s := range o.scopes {
		if !s.waitForSync(ctx) {
			return nil
		}
	}
	if o.leader == nil {
		o.work(ctx)
		return nil
	}
	return o.leader.Run(ctx, o.work)
}

// work runs every controller until ctx ends, and returns when all have returned.
func (o *operator) work(ctx context.Context) {
	o.metrics.SetLeading(true)
	defer o.metrics.SetLeading(false)
	var wg sync.WaitGroup
	for _, c := range o.controllers {
		wg.Go(func() { c.Run(ctx, o.opts.Workers) })
	}
	wg.Wait()
}

// health says what is served to Prometheus and to the kubelet.
func (o *operator) health() health.Options {
	opts := health.Options{
		Address: o.opts.MetricsAddress,
		Metrics: o.metrics.Handler(),
		Ready:   []health.Check{{Name: "informers", Func: o.checkSynced}},
	}
	if o.leader != nil {
		opts.Live = append(opts.Live, health.Check{Name: "leader election", Func: o.leader.Check})
	}
	for _, c := range o.controllers {
		opts.Live = append(opts.Live, health.Check{Name: c.Name(), Func: c.Check})
	}
	return opts
}

// synced says of every informer that was started whether its cache is full.
func (o *operator) synced() map[metrics.Informer]bool {
	all := map[metrics.Informer]bool{}
	for _, s := range o.scopes {
		maps.Copy(all, s.synced())
	}
	return all
}

// checkSynced returns an error that names the informers that are not synced.
func (o *operator) checkSynced() error {
	all := o.synced()
	if len(all) == 0 {
		return errors.New("not started")
	}
	var waiting []string
	for informer, synced := range all {
		if !synced {
			waiting = append(waiting, strings.TrimSpace(informer.Kind+" "+informer.Namespace))
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	slices.Sort(waiting)
	return fmt.Errorf("not synced: %s", strings.Join(waiting, ", "))
}
