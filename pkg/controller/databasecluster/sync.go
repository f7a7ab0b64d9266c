// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/controller/loop"
)

// sync brings one DatabaseCluster one step closer to its spec. It reads the informers' caches only, waits for nothing,
// and may be cut off after any write: the next pass looks at what is there and goes on.
func (c *Controller) sync(ctx context.Context, key cache.ObjectName) (loop.Result, error) {
	// A cache that has not seen our own last writes would have us repeat them.
	if err := c.gate.Ready(key); err != nil {
		return loop.Result{}, err
	}
	snapshot, found, err := c.observe(key)
	if err != nil {
		return loop.Result{}, fmt.Errorf("observing: %w", err)
	}
	if !found || snapshot.Cluster.DeletionTimestamp != nil {
		// Owner references take the children away; the volumes stay unless they carry one.
		c.gate.Forget(key)
		return loop.Result{}, nil
	}

	decision, err := Decide(snapshot)
	if err != nil {
		return loop.Result{}, fmt.Errorf("deciding: %w", err)
	}
	klog.FromContext(ctx).V(4).Info("Decided", "writes", len(decision.Writes), "deletes", len(decision.Deletes))
	outcome := c.act(ctx, key, snapshot, decision)

	if outcome.Progress && outcome.Err == nil && len(outcome.Failures) == 0 {
		// The events of these writes bring the key back within milliseconds, and that pass has more to tell: a status
		// write for every step on the way would double the writes of a creation.
		return loop.Result{RequeueAfter: outcome.RequeueAfter}, nil
	}
	// Status is written also when a step failed: that is when a user reads it.
	statusErr := c.report(ctx, key, snapshot, decision, outcome)
	return loop.Result{RequeueAfter: outcome.RequeueAfter}, errors.Join(outcome.Err, statusErr)
}

// now is the clock of the controller, read once per pass so that a decision has one time.
func (c *Controller) now() metav1.Time { return metav1.NewTime(c.clock().Truncate(time.Second)) }
