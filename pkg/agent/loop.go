// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

const (
	// busyTick and calmTick are how often an agent looks at what it cannot watch: a server that starts or catches up,
	// and one that is level.
	busyTick = 50 * time.Millisecond
	calmTick = time.Second
)

// minRetry and maxRetry bound the time before a start or a copy is tried again. A server that was killed starts again
// almost at once; one that cannot start must not fill the log.
const (
	minRetry = 100 * time.Millisecond
	maxRetry = 10 * time.Second
)

// Run makes passes until it was told to stop and the engine is down. stopping is closed to tell it.
func (a *Agent) Run(ctx context.Context, stopping <-chan struct{}) error {
	go a.cluster.run(ctx)
	a.readPlanFile(ctx)
	if err := a.becomeNobody(ctx); err != nil {
		klog.FromContext(ctx).Error(err, "Taking the own role label away failed; the first report will")
		a.saidOnce = true
	}
	go a.elector.Run(ctx)
	for {
		told := isClosed(stopping)
		if told {
			a.elector.Stop()
		}
		step, err := a.pass(ctx, told)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Pass failed", "step", step.Kind)
		}
		if step.Kind == runbook.StepExit {
			return nil
		}
		a.lastPass.Store(time.Now().UnixNano())
		wake := wakers{
			stopping: notYet(stopping, told), exited: a.engine.Driver.Exited(), changes: a.engine.Changes, after: busyTick,
		}
		if step.Kind == runbook.StepTend && a.ready.Load() && !a.tended.more {
			wake.after = calmTick
		}
		if err != nil {
			wake.exited = nil // a death that the pass failed to see would wake it again at once, for ever
		}
		if err := a.sleep(ctx, wake); err != nil {
			return err
		}
	}
}

// wakers are what ends the sleep between two passes, besides watches and the end of a long step.
type wakers struct {
	stopping <-chan struct{}
	exited   <-chan struct{}
	changes  <-chan struct{}
	after    time.Duration
}

// sleep returns when there may be something new. Its error is that of ctx.
func (a *Agent) sleep(ctx context.Context, w wakers) error {
	timer := time.NewTimer(w.after)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.woken:
	case <-w.exited:
	case <-w.changes:
	case err := <-a.work.ended():
		a.work = nil
		if err != nil {
			klog.FromContext(ctx).Error(err, "Long step failed")
		}
	case <-w.stopping:
	case <-timer.C:
	}
	return nil
}

// becomeNobody takes back what an earlier life of this agent may have said of itself: its role label (PROTOCOL I8) and
// its report.
func (a *Agent) becomeNobody(ctx context.Context) error {
	label, report, err := a.cluster.ownWords(ctx)
	if label == v1alpha1.RoleLabelPrimary {
		a.routed = time.Now()
	}
	if err != nil || (label == "" && report == "") {
		return err
	}
	return a.cluster.say(ctx, engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: a.id.Incarnation(), Role: v1alpha1.RoleUnknown,
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// notYet is a channel that wakes once: a closed one would wake for ever.
func notYet(c <-chan struct{}, seen bool) <-chan struct{} {
	if seen {
		return nil
	}
	return c
}
