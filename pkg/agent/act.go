// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// act does one thing.
func (a *Agent) act(ctx context.Context, o pure.Observation, step pure.Step) error {
	plan, standing, source := a.plan, a.standing, a.source(step.Primary, o)
	switch step.Kind {
	case pure.StepStopServer:
		return a.driver.Stop(ctx)
	case pure.StepInitialise:
		a.begin(ctx, func(ctx context.Context) error { return a.driver.Initialise(ctx, plan, standing.Epoch) })
	case pure.StepClone:
		a.begin(ctx, func(ctx context.Context) error { return a.driver.Clone(ctx, plan, source) })
	case pure.StepRewind:
		a.begin(ctx, func(ctx context.Context) error { return a.driver.Rewind(ctx, source) })
	case pure.StepStartPrimary:
		return a.driver.StartPrimary(ctx, plan, standing)
	case pure.StepStartReplica:
		return a.driver.StartReplica(ctx, plan, source)
	case pure.StepFollow:
		return a.driver.Follow(ctx, plan, source)
	case pure.StepEnforce:
		return a.driver.Enforce(ctx, plan, standing.Quorum)
	case pure.StepPromote:
		return a.promote(ctx, o)
	case pure.StepTend:
		return a.tend(ctx, o)
	case pure.StepWait, pure.StepExit:
	}
	return nil
}

// source is a member to receive from; nobody for "".
func (a *Agent) source(member string, o pure.Observation) postgresql.Source {
	if member == "" {
		return postgresql.Source{}
	}
	planned, _ := a.plan.Member(member)
	return postgresql.Source{
		Member: member, Host: planned.Host, Address: o.Primary.Address, Lineage: o.Primary.Lineage,
	}
}

// promote takes the label from all others and puts it on the own pod before the engine accepts a write (PROTOCOL I7).
func (a *Agent) promote(ctx context.Context, o pure.Observation) error {
	if err := a.stripOthers(ctx); err != nil {
		return err
	}
	r := a.describe(o, pure.Step{Kind: pure.StepTend})
	r.Role = v1alpha1.RolePrimary
	if err := a.say(ctx, r); err != nil {
		return fmt.Errorf("putting the label on: %w", err)
	}
	return a.driver.Promote(ctx, a.plan, a.standing, o)
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

func (a *Agent) tend(ctx context.Context, o pure.Observation) error {
	t, err := a.driver.Tend(ctx, a.plan, o)
	if err != nil {
		return err
	}
	a.tended = tended{
		hash: a.planHash, generation: a.plan.Generation, pending: t.Pending, restartInPlace: t.RestartInPlace,
	}
	return nil
}
