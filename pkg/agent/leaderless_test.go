// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// amongEquals is an agent of an engine without a primary, whose server is as it is seen.
func amongEquals(t *testing.T, client *fake.Clientset, seen runbook.Observation) (*Agent, *voter) {
	t.Helper()
	v := &voter{seen: seen}
	return withoutLease(t, client, v, engine.LeadershipNone), v
}

// passes lets an agent look twice: the first time it tends, the second it says so.
func passes(t *testing.T, a *Agent) {
	t.Helper()
	for range 2 {
		if _, err := a.pass(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnEqualIsAReplicaOfNobody: one that accepts writes is not primary, is ready when it is level with its siblings,
// and goes on when it can only be read from.
func TestAnEqualIsAReplicaOfNobody(t *testing.T) {
	t.Parallel()
	majority := engine.Quorum{Count: 2, Members: []string{"orders-db-0", "orders-db-1", "orders-db-2"}}
	level := func(o *runbook.Observation) { o.Server.Streaming, o.Server.Enforced = true, majority }
	for name, tt := range map[string]struct {
		change func(*runbook.Observation)
		want   engine.MemberReport
	}{
		"level": {level, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Durability: v1alpha1.EffectiveBoundedLoss,
		}},
		"level, and writes wait for nobody": {func(o *runbook.Observation) { o.Server.Streaming = true },
			engine.MemberReport{
				Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Durability: v1alpha1.EffectiveNone,
			}},
		"behind": {func(o *runbook.Observation) { o.Server.Enforced = majority }, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Durability: v1alpha1.EffectiveBoundedLoss,
		}},
		"writes are refused": {func(o *runbook.Observation) {
			level(o)
			o.Problem = &engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum, Message: "reads go on"}
		}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Durability: v1alpha1.EffectiveBoundedLoss,
			Problem: &engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum, Message: "reads go on"},
		}},
		"a table is missing": {func(o *runbook.Observation) {
			level(o)
			o.SchemaBehind = "app.events is missing"
		}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Durability: v1alpha1.EffectiveBoundedLoss,
			SchemaBehind: "app.events is missing",
		}},
	} {
		seen := serving()
		tt.change(&seen)
		client := fake.NewClientset(pod(me.Pod, ""))
		a, _ := amongEquals(t, client, seen)
		passes(t, a)
		got := engine.MemberReport{
			Role: a.said.Role, Ready: a.said.Ready, CaughtUp: a.said.CaughtUp, Durability: a.said.Durability,
			Problem: a.said.Problem, SchemaBehind: a.said.SchemaBehind, Epoch: a.said.Epoch, Promotion: a.said.Promotion,
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if label, _, err := a.cluster.ownWords(t.Context()); err != nil || label != v1alpha1.RoleLabelReplica {
			t.Errorf("%s: the label is %q, %v", name, label, err)
		}
	}
}

// TestWhoseDataItIsIsToldAtOnce: the others wait for it. Where a primary is elected they hear it from that one, and a
// report before would be a write for nothing.
func TestWhoseDataItIsIsToldAtOnce(t *testing.T) {
	t.Parallel()
	down := runbook.Observation{Volume: runbook.Volume{Locked: true, HasData: true, SystemID: "7"}}
	empty := runbook.Observation{Volume: runbook.Volume{Locked: true}}
	kept := engine.Plan{RetainedMembers: []string{me.Pod}}
	for name, tt := range map[string]struct {
		seen       runbook.Observation
		plan       engine.Plan
		leadership engine.Leadership
		want       bool
	}{
		"new data":                     {down, engine.Plan{}, engine.LeadershipNone, true},
		"data that the plan knows":     {down, engine.Plan{SystemID: "7"}, engine.LeadershipNone, false},
		"a volume that was kept":       {empty, kept, engine.LeadershipNone, true},
		"a volume of nobody":           {empty, engine.Plan{}, engine.LeadershipNone, false},
		"a volume not looked at":       {runbook.Observation{}, kept, engine.LeadershipNone, false},
		"new data of who is to be led": {down, engine.Plan{}, engine.LeadershipElected, false},
	} {
		a := withoutLease(t, fake.NewClientset(pod(me.Pod, "")), &voter{seen: tt.seen}, tt.leadership)
		a.plan = tt.plan
		a.engine.Rules = []runbook.Rule{func(runbook.Observation) (runbook.Step, bool) {
			return runbook.Step{Kind: runbook.StepWait}, true
		}}
		passes(t, a)
		if a.saidOnce != tt.want || (tt.want && a.said.SystemID != tt.seen.Volume.SystemID) {
			t.Errorf("%s: told %t (%q), want %t", name, a.saidOnce, a.said.SystemID, tt.want)
		}
	}
}

// TestOneThatComesToRestLeavesTheServices: it answers no before it stops, and its part stays what it was.
func TestOneThatComesToRestLeavesTheServices(t *testing.T) {
	t.Parallel()
	seen := serving()
	seen.Server.Streaming = true
	a, _ := amongEquals(t, fake.NewClientset(pod(me.Pod, "")), seen)
	passes(t, a)
	if !a.ready.Load() {
		t.Fatal("not ready before")
	}
	tend := a.engine.Rules
	a.engine.Rules = []runbook.Rule{func(runbook.Observation) (runbook.Step, bool) {
		return runbook.Step{Kind: runbook.StepQuiesce}, true
	}}
	passes(t, a)
	if a.ready.Load() || a.said.Ready || a.said.Role != v1alpha1.RoleReplica || !a.said.CaughtUp {
		t.Errorf("while it comes to rest: ready %t, said %+v", a.ready.Load(), a.said)
	}
	a.engine.Rules = tend
	passes(t, a)
	if !a.ready.Load() {
		t.Error("not ready again, though nobody wants it to stop any more")
	}
}

func TestAReportHasRoomForSoMuch(t *testing.T) {
	t.Parallel()
	o := serving()
	o.SchemaBehind = strings.Repeat("é", engine.MaxSchemaBehind)
	a, _ := amongEquals(t, fake.NewClientset(pod(me.Pod, "")), o)
	got := a.describe(o, runbook.Step{}).SchemaBehind
	if len(got) > engine.MaxSchemaBehind || strings.Trim(got, "é") != "" {
		t.Errorf("%d bytes, want at most %d and whole characters", len(got), engine.MaxSchemaBehind)
	}
}
