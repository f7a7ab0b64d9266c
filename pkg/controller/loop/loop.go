// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// minBackoff and maxBackoff bound the delay before a failed key is tried again; it doubles in between. 30 s is what
	// a user may have to wait after the cause of a failure that raises no event, such as a quota, has gone.
	minBackoff = 5 * time.Millisecond
	maxBackoff = 30 * time.Second

	// syncTimeout ends the context of a sync. A sync only talks to the API server, so this is reached only when requests
	// hang; without it a handful of them would occupy every worker.
	syncTimeout = 2 * time.Minute
	// batchDelay is what a burst of events may take to end; nobody notices that the operator acts so much later.
	batchDelay = 200 * time.Millisecond
	// wedgedAfter is when a sync that has ignored the end of its context is called wedged.
	wedgedAfter = 2 * syncTimeout
)

// SyncFunc brings one key closer to its desired state. It must return soon after its context ends.
type SyncFunc func(ctx context.Context, key cache.ObjectName) (Result, error)

// Observer is told of every sync: the controller's name, the result in one word out of a fixed few, and how long the
// sync took.
type Observer interface {
	ObserveSync(controller, result string, took time.Duration)
}

// Options are what a Loop is made of.
type Options struct {
	// Name is the controller's name in logs and metrics.
	Name string
	// Sync is called for one key at a time, by several workers for different keys.
	Sync SyncFunc
	// DrainTimeout is how long syncs in flight may go on after Run's context has ended. Zero cuts them off at once.
	DrainTimeout time.Duration
	// MetricsProvider counts what happens in the queue. Nil leaves the queue uncounted.
	MetricsProvider workqueue.MetricsProvider
	// Observer is told of every sync. Nil means nobody is.
	Observer Observer
}

// Loop is a queue of keys and the workers that sync them.
type Loop struct {
	opts  Options
	queue workqueue.TypedRateLimitingInterface[cache.ObjectName]

	mu       sync.Mutex
	inFlight map[cache.ObjectName]time.Time
}

// New returns a Loop whose queue already takes keys; Run works on them.
//
// The rate limiter counts per key only. The overall token bucket of client-go's default limiter is left out on purpose:
// it would make the retry of one key wait for the failures of all others, and the client's own rate limit already
// protects the API server.
func New(opts Options) *Loop {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](minBackoff, maxBackoff)
	return &Loop{
		opts: opts,
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(limiter,
			workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{
				Name:            opts.Name,
				MetricsProvider: opts.MetricsProvider,
			}),
		inFlight: map[cache.ObjectName]time.Time{},
	}
}

// Enqueue asks for a sync of key as soon as a worker is free. It is what event handlers call.
func (l *Loop) Enqueue(key cache.ObjectName) { l.queue.Add(key) }

// EnqueueBatch asks for a sync of key in a moment, together with whatever else comes in the meantime. It is for events
// that come in bursts, each of which would else be a pass and a status write of its own.
func (l *Loop) EnqueueBatch(key cache.ObjectName) { l.queue.AddAfter(key, batchDelay) }

// Run syncs keys with the given number of workers until ctx ends, and returns when every worker has returned.
func (l *Loop) Run(ctx context.Context, workers int) {
	// A sync must outlive ctx to finish the writes that it has begun.
	syncs, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()

	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for l.next(ctx, syncs) {
			}
		})
	}
	<-ctx.Done()
	l.queue.ShutDown()
	deadline := time.AfterFunc(l.opts.DrainTimeout, abort)
	defer deadline.Stop()
	wg.Wait()
}

// next syncs one key and reports whether there may be another. stop ends the taking of keys, syncs the work on them.
func (l *Loop) next(stop, syncs context.Context) bool {
	key, shutdown := l.queue.Get()
	if shutdown {
		return false
	}
	defer l.queue.Done(key)
	if stop.Err() != nil {
		return false // keys still queued are found again by whoever lists next
	}

	logger := klog.FromContext(syncs)
	logger = klog.LoggerWithValues(logger, "controller", l.opts.Name, "key", klog.KRef(key.Namespace, key.Name))
	syncs = klog.NewContext(syncs, logger)

	began := l.begin(key)
	result, err := l.sync(syncs, key)
	l.end(key)
	what := l.settle(syncs, key, result, err)
	if l.opts.Observer != nil {
		l.opts.Observer.ObserveSync(l.opts.Name, string(what), time.Since(began))
	}
	return true
}

// sync calls Sync with a bounded context and turns a panic into an error of this one key.
func (l *Loop) sync(ctx context.Context, key cache.ObjectName) (result Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			result, err = Result{}, &panicError{value: value, stack: debug.Stack()}
		}
	}()
	return l.opts.Sync(ctx, key)
}

// Check returns an error when a worker has been busy with one key for longer than any sync can take. Only a restart of
// the process frees such a worker, so it belongs into the liveness probe.
func (l *Loop) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, began := range l.inFlight {
		if took := time.Since(began); took > wedgedAfter {
			return fmt.Errorf("controller %s: sync of %s has been running for %s", l.opts.Name, key, took.Round(time.Second))
		}
	}
	return nil
}

func (l *Loop) begin(key cache.ObjectName) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight[key] = time.Now()
	return l.inFlight[key]
}

func (l *Loop) end(key cache.ObjectName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inFlight, key)
}
