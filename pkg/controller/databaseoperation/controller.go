// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/consistency"
	"github.com/atlasdb/atlasdb/pkg/controller/loop"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
	atlasinformers "github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	listers "github.com/atlasdb/atlasdb/pkg/generated/listers/atlasdb/v1alpha1"
)

// Name is the controller's name in logs, metrics and as field manager.
const Name = "databaseoperation"

// plural is what the API calls operations.
const plural = "databaseoperations"

// Options are what a Controller is made of.
type Options struct {
	// Client is the API server, Informers are those of AtlasDB's own kinds, KubeInformers those of the clusters' children.
	Client        versioned.Interface
	Informers     atlasinformers.SharedInformerFactory
	KubeInformers informers.SharedInformerFactory
	// Engines are the engines that this operator knows.
	Engines map[v1alpha1.EngineType]engine.Engine
	// Recorder tells events, on the cluster: that is where its story is read.
	Recorder events.EventRecorder
	// DrainTimeout is how long syncs in flight may go on after Run's context has ended.
	DrainTimeout time.Duration
	// MetricsProvider and Observer count; nil leaves uncounted.
	MetricsProvider workqueue.MetricsProvider
	Observer        loop.Observer
	// Clock is the time of decisions; nil is time.Now.
	Clock func() time.Time
}

// Controller follows every DatabaseOperation to its end.
type Controller struct {
	client     versioned.Interface
	operations listers.DatabaseOperationLister
	clusters   listers.DatabaseClusterLister
	pods       corelisters.PodLister
	engines    map[v1alpha1.EngineType]engine.Engine
	recorder   events.EventRecorder
	gate       *consistency.Gate
	loop       *loop.Loop
	clock      func() time.Time
	synced     []cache.DoneChecker
}

// New makes a Controller and registers its event handlers; the informers are started by the caller.
func New(o Options) (*Controller, error) {
	operations := o.Informers.AtlasDB().V1alpha1().DatabaseOperations()
	c := &Controller{
		client:     o.Client,
		operations: operations.Lister(),
		clusters:   o.Informers.AtlasDB().V1alpha1().DatabaseClusters().Lister(),
		pods:       o.KubeInformers.Core().V1().Pods().Lister(),
		engines:    o.Engines,
		recorder:   o.Recorder,
		gate:       consistency.NewGate(map[string]consistency.Store{plural: operations.Informer().GetStore()}),
		clock:      o.Clock,
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	c.loop = loop.New(loop.Options{
		Name: Name, Sync: c.sync, DrainTimeout: o.DrainTimeout,
		MetricsProvider: o.MetricsProvider, Observer: o.Observer,
	})
	if err := c.handle(o); err != nil {
		return nil, fmt.Errorf("registering event handlers: %w", err)
	}
	return c, nil
}

// Name is the controller's name.
func (*Controller) Name() string { return Name }

// Run works until ctx ends, and returns when every goroutine of it has.
func (c *Controller) Run(ctx context.Context, workers int) {
	if cache.WaitFor(ctx, "", c.synced...) {
		c.loop.Run(ctx, workers)
	}
}

// Check returns an error when a worker is stuck; it feeds the liveness probe.
func (c *Controller) Check() error { return c.loop.Check() }

// sync answers one operation.
func (c *Controller) sync(ctx context.Context, key cache.ObjectName) (loop.Result, error) {
	if err := c.gate.Ready(key); err != nil {
		return loop.Result{}, err
	}
	op, err := c.operations.DatabaseOperations(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) || (err == nil && op.DeletionTimestamp != nil) {
		c.gate.Forget(key)
		return loop.Result{}, nil
	}
	if err != nil {
		return loop.Result{}, fmt.Errorf("reading DatabaseOperation: %w", err)
	}
	s, err := c.observe(op)
	if err != nil {
		return loop.Result{}, err
	}
	d := Decide(s)
	if d.Delete {
		return loop.Result{}, c.remove(ctx, key, op)
	}
	if d.Own && metav1.GetControllerOf(op) == nil {
		return loop.Result{}, c.own(ctx, key, s) // its event brings the key back
	}
	if err := c.report(ctx, key, op, d.Status); err != nil {
		return loop.Result{}, err
	}
	if note, told := transition(op.Status, d.Status); told && s.Cluster != nil {
		c.recorder.Eventf(s.Cluster, op, note.kind, note.reason, string(op.Spec.Type), "%s %s: %s",
			op.Spec.Type, op.Name, note.message)
	}
	return loop.Result{RequeueAfter: d.RequeueAfter}, nil
}

// now is the clock of the controller, read once per pass.
func (c *Controller) now() time.Time { return c.clock().Truncate(time.Second) }

// own makes the operation belong to its cluster.
func (c *Controller) own(ctx context.Context, key cache.ObjectName, s Snapshot) error {
	op := s.Operation.DeepCopy()
	op.OwnerReferences = append(op.OwnerReferences, metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "DatabaseCluster",
		Name: s.Cluster.Name, UID: s.Cluster.UID, Controller: new(true),
	})
	written, err := c.client.AtlasDBV1alpha1().DatabaseOperations(key.Namespace).
		Update(ctx, op, metav1.UpdateOptions{FieldManager: "atlasdb-" + Name})
	if err != nil {
		return fmt.Errorf("making the operation belong to its cluster: %w", err)
	}
	c.gate.Wrote(key, plural, written.ResourceVersion)
	return nil
}

// report writes status if its meaning changed.
func (c *Controller) report(
	ctx context.Context, key cache.ObjectName, op *v1alpha1.DatabaseOperation, is v1alpha1.DatabaseOperationStatus,
) error {
	if equality.Semantic.DeepEqual(op.Status, is) {
		return nil
	}
	op = op.DeepCopy()
	op.Status = is
	written, err := c.client.AtlasDBV1alpha1().DatabaseOperations(key.Namespace).
		UpdateStatus(ctx, op, metav1.UpdateOptions{FieldManager: "atlasdb-" + Name})
	if err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	c.gate.Wrote(key, plural, written.ResourceVersion)
	return nil
}

// remove deletes an operation that is just as it was seen.
func (c *Controller) remove(ctx context.Context, key cache.ObjectName, op *v1alpha1.DatabaseOperation) error {
	err := c.client.AtlasDBV1alpha1().DatabaseOperations(key.Namespace).Delete(ctx, key.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &op.UID, ResourceVersion: &op.ResourceVersion},
	})
	if err == nil {
		c.gate.Deleted(key, plural, key.Name, op.UID)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
