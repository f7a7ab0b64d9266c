// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// report says what changed in meaning since the last report.
func (a *Agent) report(ctx context.Context, o runbook.Observation, step runbook.Step) error {
	r := a.describe(o, step)
	a.ready.Store(r.Ready)
	silent := !a.saidOnce && !worthSaying(r) && !a.isAwaited(o)
	if (same(r, a.said) && !a.unsure) || silent || a.recording(o, r) {
		return nil
	}
	return a.say(ctx, r)
}

// recording says that the quorum has just come into force and is being written into the Lease. A report now would cost
// another one as soon as that is done.
func (a *Agent) recording(o runbook.Observation, r engine.MemberReport) bool {
	q := a.standing.Quorum
	return a.standing.Part == engine.PartLead && !q.None() && o.Server.Flushed.Equal(q) &&
		(r.Quorum == nil || !r.Quorum.Equal(q))
}

// isAwaited says that the others wait to hear whose data this member has. Where a primary is elected, they hear it from
// that one; where there is none, the plan goes by what the first member made, or what those had whose volumes were
// kept.
func (a *Agent) isAwaited(o runbook.Observation) bool {
	return a.leaderless() && o.Volume.Locked && a.plan.SystemID == "" &&
		(o.Volume.SystemID != "" || slices.Contains(a.plan.RetainedMembers, a.id.Pod))
}

func (a *Agent) say(ctx context.Context, r engine.MemberReport) error {
	if same(r, a.said) && !a.unsure {
		return nil
	}
	if err := a.cluster.say(ctx, r); err != nil {
		a.unsure = true
		return fmt.Errorf("reporting: %w", err)
	}
	a.said, a.saidOnce, a.unsure = r, true, false
	a.metrics.reported(r.Role, r.Ready, r.PlanHash)
	return nil
}

// describe puts a pass into a report.
func (a *Agent) describe(o runbook.Observation, step runbook.Step) engine.MemberReport {
	e := a.elector.Report()
	r := engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: a.id.Incarnation(), Role: v1alpha1.RoleUnknown,
		PlanHash: a.tended.hash, PlanGeneration: a.tended.generation,
		PendingRestart: a.tended.pending, RestartInPlace: a.tended.restartInPlace,
		SystemID: o.Volume.SystemID, EngineVersion: o.Server.Version, Rebuilt: o.Volume.Rebuilt,
		Epoch: e.Epoch, Electorate: e.Electorate, Durability: a.worth(e.Durability), Quorum: e.Quorum,
		Promotion: e.Promotion, Switchover: cmp.Or(e.Switchover, a.declined), Problem: step.Problem,
		// By an older plan the shard may not have been one to go.
		Drained: o.Drained && a.tended.hash == a.planHash, SchemaBehind: bounded(o.SchemaBehind),
	}
	if r.Problem == nil {
		r.Problem = o.Problem
	}
	if r.Problem == nil && o.Refused != "" {
		r.Problem = &engine.Problem{Reason: v1alpha1.ReasonInvalid, Message: o.Refused}
	}
	if r.Problem == nil {
		r.Problem = e.Problem
	}
	a.describeRole(&r, o, step)
	return r
}

// bounded cuts what a report has no room for.
func bounded(schemaBehind string) string {
	if len(schemaBehind) <= engine.MaxSchemaBehind {
		return schemaBehind
	}
	return strings.ToValidUTF8(schemaBehind[:engine.MaxSchemaBehind], "")
}

// worth is what an acknowledgement is worth in this engine.
func (a *Agent) worth(enforced v1alpha1.EffectiveDurability) v1alpha1.EffectiveDurability {
	if enforced == v1alpha1.EffectiveMajority {
		return a.engine.Durability
	}
	return enforced
}

// describeRole says what part a member plays. A role stays while the engine restarts in place or the cluster elects:
// each change is a write for every member, and a Service that forgets its replicas for a second helps nobody.
func (a *Agent) describeRole(r *engine.MemberReport, o runbook.Observation, step runbook.Step) {
	tending := step.Kind == runbook.StepTend && a.tended.hash == a.planHash
	switch a.standing.Part {
	case engine.PartLead:
		r.Timeline, r.CaughtUp = o.Server.Timeline, true
		if a.serves(o) {
			r.Role, r.Ready = v1alpha1.RolePrimary, tending || (a.said.Ready && o.Server.Accepting)
		} else if o.Server.InRecovery {
			// Still to be promoted: it stays ready, so that the Service reaches it as soon as the label does.
			r.Role, r.Ready = a.said.Role, a.said.Ready
		}
	case engine.PartFollow:
		a.describeReplica(r, o, tending)
		r.Ready = r.Ready && step.Kind != runbook.StepQuiesce
	case engine.PartYield:
		r.Role, r.Ready, r.CaughtUp, r.Timeline = a.said.Role, a.said.Ready, a.said.CaughtUp, a.said.Timeline
	case engine.PartNobody, engine.PartResign:
		a.level = level{}
	}
}

// describeReplica says that a member is a replica once it has data: before its first copy is on the disk, it is on its
// way.
func (a *Agent) describeReplica(r *engine.MemberReport, o runbook.Observation, tending bool) {
	r.CaughtUp = a.level.observe(o.Server.Streaming && o.Server.Behind < nearlyLevel)
	if a.said.Role == v1alpha1.RoleReplica || (tending && o.Volume.HasData) {
		r.Role, r.Timeline = v1alpha1.RoleReplica, o.Server.Timeline
	}
	r.Ready = r.Role == v1alpha1.RoleReplica && r.CaughtUp && (tending || a.said.Ready) && !o.Closed
}

// routedFor is how long the Service of the primary may still lead to a pod that no longer has its label: endpoints and
// the rules of every node have to follow.
const routedFor = 2 * time.Second

// closed says that the Service of the primary may lead to this member although it is not the primary. A session that
// came that way would find a replica, and keep it: few clients look again.
func (a *Agent) closed() bool {
	if a.standing.Part == engine.PartLead {
		return false
	}
	if a.said.Role == v1alpha1.RolePrimary {
		a.routed = time.Now()
	}
	return time.Since(a.routed) < routedFor
}

// serves says whether the engine is the primary that the standing asks for. The label comes only when the commit quorum
// is in force, and stays while the engine restarts in place: the Lease is still held, and nobody else may serve.
func (a *Agent) serves(o runbook.Observation) bool {
	if o.Server.Accepting && !o.Server.InRecovery {
		return o.Server.Enforced.Equal(a.standing.Quorum) || a.said.Role == v1alpha1.RolePrimary
	}
	return !o.Server.InRecovery && a.said.Role == v1alpha1.RolePrimary
}
