// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// pass observes, decides, does one thing and reports.
func (a *Agent) pass(ctx context.Context, stopping bool) (pure.Step, error) {
	a.readPlan(ctx)
	o, err := a.observe(ctx, stopping)
	if err != nil {
		return pure.Step{Kind: pure.StepWait}, err
	}
	step := pure.Step{Kind: pure.StepWait, Reason: "a long step is under way"}
	if a.work == nil {
		step = a.paced(pure.Converge(o))
	} else if stopping || !a.work.standing.Equal(a.standing) {
		a.work.abort() // a copy may take hours; what it was for has changed
	}
	if step.Kind != pure.StepWait && step.Kind != pure.StepTend {
		a.metrics.took(step.Kind)
		klog.FromContext(ctx).Info("Took step", "step", step.Kind, "primary", step.Primary, "reason", step.Reason)
	}
	stepErr := a.act(ctx, o, step)
	return step, errors.Join(stepErr, a.report(ctx, o, step))
}

// observe gathers all that a pass may know. The election learns what became of the standing that it gave before, and
// only then is asked for the next: its promises rest on facts that were seen under them.
func (a *Agent) observe(ctx context.Context, stopping bool) (pure.Observation, error) {
	o := pure.Observation{Member: a.id.Pod, Plan: a.plan, Standing: a.standing}
	if err := a.driver.Observe(ctx, &o); err != nil {
		return o, fmt.Errorf("observing the engine: %w", err)
	}
	facts := pure.Facts(o)
	if a.work != nil {
		facts.Receiving, facts.Exact = true, false // a copy receives, and a start may become anything
	}
	a.elector.Post(facts)
	a.standing = a.elector.Standing()
	o.Standing = a.standing
	o.Stopping = stopping && a.elector.Stopped()
	o.Primary = a.primaryState(ctx, o)
	return o, nil
}

// paced holds back a step that was taken a moment ago and must have failed, or it would not be due again.
func (a *Agent) paced(step pure.Step) pure.Step {
	switch step.Kind {
	case pure.StepTend:
		a.retry.Reset(string(pure.StepStartPrimary))
		a.retry.Reset(string(pure.StepStartReplica))
	case pure.StepStartPrimary, pure.StepStartReplica, pure.StepClone, pure.StepRewind, pure.StepInitialise,
		pure.StepPromote:
		now := a.retry.Clock.Now()
		if a.retry.IsInBackOffSinceUpdate(string(step.Kind), now) {
			return pure.Step{Kind: pure.StepWait, Reason: "it failed a moment ago", Problem: step.Problem}
		}
		a.retry.Next(string(step.Kind), now)
	case pure.StepWait, pure.StepExit, pure.StepStopServer, pure.StepFollow, pure.StepEnforce:
	}
	return step
}

// tended is what the last complete Tend carried out.
type tended struct {
	hash           string
	generation     int64
	pending        []string
	restartInPlace bool
}

// work is a step that takes long. The loop goes on with probes, watches and reports, and takes no other step until its
// end.
type work struct {
	standing engine.Standing
	done     chan error
	abort    context.CancelFunc
}

// ended gives how the step ended; nothing while none runs.
func (w *work) ended() <-chan error {
	if w == nil {
		return nil
	}
	return w.done
}

// begin begins a step that takes long.
func (a *Agent) begin(ctx context.Context, do func(context.Context) error) {
	ctx, abort := context.WithCancel(ctx)
	w := &work{standing: a.standing, done: make(chan error, 1), abort: abort}
	a.work = w
	go func() {
		defer abort()
		w.done <- do(ctx)
	}()
}
