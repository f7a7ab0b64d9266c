// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// observe gathers all that a pass may know.
func (a *Agent) observe(ctx context.Context, stopping bool) (pure.Observation, error) {
	o := pure.Observation{
		Member: a.id.Pod, Incarnation: a.id.Incarnation(), Stopping: stopping, Plan: a.plan,
	}
	lease, known := a.cluster.lease()
	a.judged, o.Lease.Known = lease, known
	if lease != nil && lease.Spec.HolderIdentity != nil {
		o.Lease.Holder = *lease.Spec.HolderIdentity
	}
	if err := a.driver.Observe(ctx, &o); err != nil {
		return o, fmt.Errorf("observing the engine: %w", err)
	}
	if primary := o.Primary(); primary != "" && primary != o.Member {
		if pod := a.cluster.watchHolder(ctx, primary); pod != nil {
			o.PrimaryServes = pod.Labels[v1alpha1.LabelRole] == v1alpha1.RoleLabelPrimary && pod.Status.PodIP != ""
		}
	}
	if o.Lease.Holder == "" && slices.Contains(a.plan.RetainedMembers, o.Member) {
		votes, err := a.cluster.votes(ctx, a.plan.RetainedMembers)
		if err != nil {
			return o, err
		}
		o.Votes = votes
	}
	return o, nil
}

// act does one thing. What takes long is begun, and its end wakes the loop.
func (a *Agent) act(ctx context.Context, o pure.Observation, step pure.Step) error {
	switch step.Kind {
	case pure.StepStopServer:
		return a.driver.Stop()
	case pure.StepTakeLease:
		if a.judged == nil {
			return errors.New("there is no Lease to take")
		}
		return a.cluster.take(ctx, a.judged)
	case pure.StepInitialise:
		plan := a.plan
		a.begin(ctx, func(ctx context.Context) error { return a.driver.Initialise(ctx, plan) })
	case pure.StepClone:
		source, ok := a.source(ctx, step.Primary)
		if ok {
			plan := a.plan
			a.begin(ctx, func(ctx context.Context) error { return a.driver.Clone(ctx, plan, source) })
		}
	case pure.StepStartPrimary:
		return a.driver.StartPrimary(ctx, a.plan)
	case pure.StepStartReplica:
		return a.driver.StartReplica(ctx, a.plan, step.Primary)
	case pure.StepFollow:
		return a.driver.Follow(ctx, a.plan, step.Primary)
	case pure.StepPromote:
		return a.promote(ctx)
	case pure.StepTend:
		return a.tend(ctx, o)
	case pure.StepWait, pure.StepExit:
	}
	return nil
}

// begin begins what takes long. The loop goes on with probes, watches and reports, and takes no other step until the
// end.
func (a *Agent) begin(ctx context.Context, work func(context.Context) error) {
	done := make(chan error, 1)
	ctx, abort := context.WithCancel(ctx)
	a.work, a.abort = done, abort
	go func() {
		defer abort()
		done <- work(ctx)
	}()
}

func (a *Agent) source(ctx context.Context, primary string) (postgresql.Source, bool) {
	pod := a.cluster.watchHolder(ctx, primary)
	member, planned := a.plan.Member(primary)
	if pod == nil || !planned {
		return postgresql.Source{}, false
	}
	return postgresql.Source{Member: primary, Host: member.Host, Address: pod.Status.PodIP}, true
}

// promote takes the label from all others before the engine accepts a write (PROTOCOL I7).
func (a *Agent) promote(ctx context.Context) error {
	for _, m := range a.plan.Members {
		if m.Name != a.id.Pod {
			if err := a.cluster.strip(ctx, m.Name); err != nil {
				return fmt.Errorf("taking the label from %s: %w", m.Name, err)
			}
		}
	}
	return a.driver.Promote(ctx)
}

func (a *Agent) tend(ctx context.Context, o pure.Observation) error {
	pending, err := a.driver.Tend(ctx, a.plan, !o.Server.InRecovery)
	if err != nil {
		return err
	}
	a.tended = tended{hash: a.planHash, generation: a.plan.Generation, pending: pending}
	return nil
}

// tended is what the last complete Tend carried out.
type tended struct {
	hash       string
	generation int64
	pending    []string
}

// report says what changed in meaning since the last report.
func (a *Agent) report(ctx context.Context, o pure.Observation, step pure.Step) error {
	r := a.describe(o, step)
	a.ready.Store(r.Ready)
	if same(r, a.said) || (!a.saidOnce && !worthSaying(r)) {
		return nil
	}
	if err := a.cluster.say(ctx, r); err != nil {
		return fmt.Errorf("reporting: %w", err)
	}
	a.said, a.saidOnce = r, true
	a.metrics.reported(r.Role, r.Ready, r.PlanHash)
	return nil
}

// describe puts a pass into a report.
func (a *Agent) describe(o pure.Observation, step pure.Step) engine.MemberReport {
	r := engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: a.id.Incarnation(), Role: v1alpha1.RoleUnknown,
		PlanHash: a.tended.hash, PlanGeneration: a.tended.generation, PendingRestart: a.tended.pending,
		SystemID: o.Volume.SystemID, EngineVersion: o.Server.Version, Problem: step.Problem,
	}
	if r.Problem == nil && o.Refused != "" {
		r.Problem = &engine.Problem{Reason: v1alpha1.ReasonInvalid, Message: o.Refused}
	}
	if a.tended.hash != "" {
		a.describeRole(&r, o, step)
	}
	choosing := len(o.Plan.RetainedMembers) > 0 && o.Lease.Holder == ""
	if choosing && (o.Server.Settled || (o.Volume.Locked && !o.Volume.HasData)) {
		r.Vote = &engine.Vote{
			SystemID: o.Volume.SystemID, Timeline: o.Server.Timeline, Position: o.Server.Position,
		}
	}
	return r
}

// describeRole says what part a member plays that has once been as the plan says.
func (a *Agent) describeRole(r *engine.MemberReport, o pure.Observation, step pure.Step) {
	tending := step.Kind == pure.StepTend && a.tended.hash == a.planHash
	switch o.Lease.Holder {
	case "":
		// The Lease was deleted. It comes back in the name of whoever says now that he is primary.
		r.Role, r.Ready, r.CaughtUp = a.said.Role, a.said.Ready && o.Server.Accepting, a.said.CaughtUp
	case a.id.Incarnation():
		// The role stays while the engine restarts in place: the Lease is still held, and nobody else may serve.
		r.Role, r.Ready, r.CaughtUp, r.Timeline = v1alpha1.RolePrimary, tending, true, o.Server.Timeline
	default:
		r.Role = v1alpha1.RoleReplica
		r.CaughtUp = a.level.observe(o.Server.Streaming && o.Server.Behind < nearlyLevel)
		r.Ready, r.Timeline = tending && r.CaughtUp, o.Server.Timeline
	}
}
