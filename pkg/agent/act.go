// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// act does one thing.
func (a *Agent) act(ctx context.Context, o runbook.Observation, step runbook.Step) error {
	task := runbook.Task{
		Step: step, Plan: a.plan, Standing: a.standing, Observation: o, Source: a.source(step.Primary, o),
	}
	switch {
	case step.Kind == runbook.StepWait || step.Kind == runbook.StepExit:
		return nil
	case step.Kind == runbook.StepTend:
		return a.tend(ctx, o)
	case step.Kind == runbook.StepPromote:
		return a.promote(ctx, task)
	case step.Kind == runbook.StepHandOver:
		return a.handOver(ctx, task)
	case step.Kind.Long():
		a.begin(ctx, func(ctx context.Context) error { return a.engine.Driver.Do(ctx, task) })
		return nil
	}
	return a.engine.Driver.Do(ctx, task)
}

// source is a member to receive from; nobody for "".
func (a *Agent) source(member string, o runbook.Observation) runbook.Source {
	if member == "" {
		return runbook.Source{}
	}
	planned, _ := a.plan.Member(member)
	return runbook.Source{
		Member: member, Host: planned.Host, Address: o.Primary.Address, Lineage: o.Primary.Lineage,
		Engine: o.Primary.Engine,
	}
}

// promote takes the label from all others and puts it on the own pod before the engine accepts a write (PROTOCOL I7).
// There are no others where no data ever was, and the label comes when the quorum is in force (I6a): with the report of
// that.
func (a *Agent) promote(ctx context.Context, task runbook.Task) error {
	if task.Standing.Found {
		return a.engine.Driver.Do(ctx, task)
	}
	if err := a.stripOthers(ctx); err != nil {
		return err
	}
	r := a.describe(task.Observation, runbook.Step{Kind: runbook.StepTend})
	r.Role = v1alpha1.RolePrimary
	if err := a.say(ctx, r); err != nil {
		return fmt.Errorf("putting the label on: %w", err)
	}
	return a.engine.Driver.Do(ctx, task)
}

// handOver lets another member be primary, and remembers why it could not: the operator is told, and the same request
// is not tried again.
func (a *Agent) handOver(ctx context.Context, task runbook.Task) error {
	err := a.engine.Driver.Do(ctx, task)
	if err != nil {
		a.declined = &engine.SwitchoverReport{ID: task.Request, Message: err.Error()}
	}
	return err
}

func (a *Agent) stripOthers(ctx context.Context) error {
	errs := make([]error, len(a.plan.Members))
	var wg sync.WaitGroup
	for i, m := range a.plan.Members {
		if m.Name == a.id.Pod {
			continue
		}
		wg.Go(func() {
			if err := a.cluster.strip(ctx, m.Name); err != nil {
				errs[i] = fmt.Errorf("taking the label from %s: %w", m.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (a *Agent) tend(ctx context.Context, o runbook.Observation) error {
	t, err := a.engine.Driver.Tend(ctx, a.plan, o)
	if err != nil {
		return err
	}
	a.tended = tended{
		hash: a.planHash, generation: a.plan.Generation, pending: t.Pending, restartInPlace: t.RestartInPlace,
		more: t.More,
	}
	return nil
}
