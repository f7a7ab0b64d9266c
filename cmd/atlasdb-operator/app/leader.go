// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// errLeaseLost says that another process may act from now on. Whoever sees it ends the process without waiting for
// anything.
var errLeaseLost = errors.New("lost the leader election Lease")

// expiredTolerance is how long the Lease may have been expired before the liveness probe fails. A leader that lost its
// Lease exits by itself; this is for one that is too stuck to do so.
const expiredTolerance = 20 * time.Second

// leader runs work while it holds the Lease.
type leader struct {
	opts     LeaderElectionOptions
	lock     resourcelock.Interface
	watchdog *leaderelection.HealthzAdaptor
}

// newLeader returns a leader with a client of its own, so that the requests of busy controllers never delay a renewal.
//
// The client's timeout is half of the time between giving up, at worst a deadline and a retry period after the last
// renewal, and the expiry of the Lease. On giving up the elector still tries to release the Lease, which takes two
// requests; so even when both hang, the process is gone before another may begin.
func newLeader(config *rest.Config, opts LeaderElectionOptions) (*leader, error) {
	config = rest.CopyConfig(config)
	config.RateLimiter = nil
	config.Timeout = (opts.LeaseDuration - opts.RenewDeadline - opts.RetryPeriod) / 2
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making client for leader election: %w", err)
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding the name of this process for leader election: %w", err)
	}
	return &leader{
		opts: opts,
		lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: opts.Namespace, Name: opts.Name},
			Client:    client.CoordinationV1(),
			// The host name is for people; the UUID tells a restarted process from its predecessor.
			LockConfig: resourcelock.ResourceLockConfig{Identity: hostname + "_" + string(uuid.NewUUID())},
		},
		watchdog: leaderelection.NewLeaderHealthzAdaptor(expiredTolerance),
	}, nil
}

// Check returns an error when this process should have given up the Lease and has not.
func (l *leader) Check() error { return l.watchdog.Check(nil) }

// Run waits for the Lease, then runs work until ctx ends, and releases the Lease when work has returned. It returns
// errLeaseLost, without waiting for work, when the Lease could not be renewed.
func (l *leader) Run(ctx context.Context, work func(context.Context)) error {
	// The elector must renew for as long as work drains, so the end of ctx does not reach it directly: it stops when
	// held is cancelled, and releases the Lease that very moment.
	held, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	// A replica that is told to stop while it waits has nothing to hand over. stillWaiting decides the race with
	// becoming leader: exactly one of the two happens.
	stillWaiting := context.AfterFunc(ctx, release)

	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            l.lock,
		Name:            l.opts.Name,
		LeaseDuration:   l.opts.LeaseDuration,
		RenewDeadline:   l.opts.RenewDeadline,
		RetryPeriod:     l.opts.RetryPeriod,
		WatchDog:        l.watchdog,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) {
				if stillWaiting() {
					defer release()
					work(ctx)
				}
			},
			OnStoppedLeading: func() {}, // required; Run's return says the same
		},
	})
	if err != nil {
		return fmt.Errorf("making leader elector: %w", err)
	}
	l.watchdog.SetLeaderElection(elector)
	elector.Run(held)
	if held.Err() == nil {
		return errLeaseLost
	}
	return nil
}
