// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// pass observes, decides, does one thing and reports.
func (a *Agent) pass(ctx context.Context, stopping bool) (runbook.Step, error) {
	a.readPlan(ctx)
	o, err := a.observe(ctx, stopping)
	if err != nil {
		return runbook.Step{Kind: runbook.StepWait}, err
	}
	step := runbook.Step{Kind: runbook.StepWait, Reason: "a long step is under way"}
	if a.work == nil {
		step = a.paced(runbook.Converge(a.engine.Rules, o))
	} else if stopping || !a.work.standing.Equal(a.standing) {
		a.work.abort() // a copy may take hours; what it was for has changed
	}
	if a.isNews(step) {
		a.metrics.took(step.Kind)
		klog.FromContext(ctx).Info("Took step", "step", step.Kind, "primary", step.Primary, "reason", step.Reason)
	}
	early := a.announce(ctx, o, step)
	stepErr := a.act(ctx, o, step)
	return step, errors.Join(early, stepErr, a.report(ctx, o, step))
}

// announce says what the engine has elected a member to, before anything is done about it: the primary's Service leads
// nowhere until then, and to tend a new primary may have to wait for the others. A member that did not serve before
// has to be tended first.
func (a *Agent) announce(ctx context.Context, o runbook.Observation, step runbook.Step) error {
	if a.engine.Leadership != engine.LeadershipElected || step.Kind != runbook.StepTend || !a.said.Ready {
		return nil
	}
	if r := a.describe(o, step); r.Role == a.said.Role {
		return nil
	}
	return a.report(ctx, o, step)
}

// isNews leaves out what is done again and again: a server that is tended, and one that comes to rest.
func (a *Agent) isNews(step runbook.Step) bool {
	switch step.Kind {
	case runbook.StepWait, runbook.StepTend:
		return false
	case runbook.StepQuiesce:
		return a.ready.Load()
	default:
		return true
	}
}

// observe gathers all that a pass may know. The election learns what became of the standing that it gave before, and
// only then is asked for the next: its promises rest on facts that were seen under them.
func (a *Agent) observe(ctx context.Context, stopping bool) (runbook.Observation, error) {
	o := runbook.Observation{Member: a.id.Pod, Plan: a.plan, Standing: a.standing}
	if a.declined != nil {
		o.Declined = a.declined.ID
	}
	if err := a.engine.Driver.Observe(ctx, &o); err != nil {
		return o, fmt.Errorf("observing the engine: %w", err)
	}
	a.tells.Store(&o.Tells)
	facts := runbook.Facts(o)
	if a.work != nil {
		facts.Receiving, facts.Exact = true, false // a copy receives, and a start may become anything
	}
	a.elector.Post(facts)
	a.standing = a.elector.Standing()
	o.Standing = a.standing
	o.Closed = a.closed()
	o.Stopping = stopping && a.elector.Stopped()
	o.Primary = a.primaryState(ctx, o)
	return o, nil
}

// paced holds back a step that was taken a moment ago and must have failed, or it would not be due again.
func (a *Agent) paced(step runbook.Step) runbook.Step {
	switch step.Kind {
	case runbook.StepTend:
		a.retry.Reset(string(runbook.StepStartPrimary))
		a.retry.Reset(string(runbook.StepStartReplica))
	case runbook.StepStartPrimary, runbook.StepStartReplica, runbook.StepClone, runbook.StepRewind, runbook.StepInitialise,
		runbook.StepPromote:
		now := a.retry.Clock.Now()
		if a.retry.IsInBackOffSinceUpdate(string(step.Kind), now) {
			return runbook.Step{Kind: runbook.StepWait, Reason: "it failed a moment ago", Problem: step.Problem}
		}
		a.retry.Next(string(step.Kind), now)
	case runbook.StepWait, runbook.StepExit, runbook.StepQuiesce, runbook.StepStopServer, runbook.StepDemote,
		runbook.StepFollow, runbook.StepEnforce, runbook.StepHandOver:
	}
	return step
}

// tended is what the last complete Tend carried out.
type tended struct {
	hash           string
	generation     int64
	pending        []string
	restartInPlace bool
	more           bool
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
