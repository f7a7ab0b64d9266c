// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/fence"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// voter is a test double: the driver of an engine that elects by itself.
type voter struct {
	seen     runbook.Observation
	handOver error
	asked    []string
}

func (v *voter) Observe(_ context.Context, o *runbook.Observation) error {
	o.Volume, o.Server, o.Drained = v.seen.Volume, v.seen.Server, v.seen.Drained
	o.SchemaBehind, o.Problem = v.seen.SchemaBehind, v.seen.Problem
	return nil
}

func (v *voter) Do(_ context.Context, t runbook.Task) error {
	v.asked = append(v.asked, t.Primary)
	return v.handOver
}

func (*voter) Tend(context.Context, engine.Plan, runbook.Observation) (runbook.Tended, error) {
	return runbook.Tended{}, nil
}

func (*voter) Exited() <-chan struct{} { return nil }

// voters is an agent of such an engine, whose server plays what is seen of it.
func voters(t *testing.T, client *fake.Clientset, v *voter) *Agent {
	t.Helper()
	return withoutLease(t, client, v, engine.LeadershipElected)
}

func withoutLease(t *testing.T, client *fake.Clientset, v *voter, leadership engine.Leadership) *Agent {
	t.Helper()
	handOver := func(o runbook.Observation) (runbook.Step, bool) {
		asked := o.Plan.Switchover != nil && o.Declined != o.Plan.Switchover.ID
		step := runbook.Step{Kind: runbook.StepHandOver, Primary: "orders-db-1-1", Request: "op"}
		return step, asked
	}
	tend := func(runbook.Observation) (runbook.Step, bool) { return runbook.Step{Kind: runbook.StepTend}, true }
	a, err := New(Options{
		Identity: me, Client: client, Fence: unarmed{}, Clock: fence.Clock{},
		Peers: peer.NewClient(peer.NewCredentials(t.TempDir(), "member"), 1),
		Engine: Engine{
			Rules: []runbook.Rule{handOver, tend}, Driver: v, Leadership: leadership,
			Durability: v1alpha1.EffectiveBoundedLoss,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWhatTheEnginePlaysIsReported(t *testing.T) {
	t.Parallel()
	leads := serving()
	leads.Server.Term, leads.Server.Enforced = 7, engine.Quorum{Count: 1, Members: []string{"orders-db-0"}}
	follows := server(func(s *runbook.Server) { s.InRecovery, s.Streaming = true, true })
	listed := server(func(s *runbook.Server) {
		s.InRecovery, s.Streaming, s.Electorate = true, true, []string{"orders-db-0"}
	})
	starts := server(func(s *runbook.Server) { *s = runbook.Server{Running: true} })
	for name, tt := range map[string]struct {
		seen runbook.Observation
		want engine.MemberReport
	}{
		"a primary": {leads, engine.MemberReport{
			Role: v1alpha1.RolePrimary, Ready: true, CaughtUp: true, Epoch: 7, Timeline: 3,
			Durability: v1alpha1.EffectiveBoundedLoss,
		}},
		"a primary that waits for nobody": {serving(), engine.MemberReport{
			Role: v1alpha1.RolePrimary, Ready: true, CaughtUp: true, Timeline: 3, Durability: v1alpha1.EffectiveNone,
		}},
		"a replica": {follows, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Timeline: 3,
		}},
		"a replica that knows who votes": {listed, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Timeline: 3, Electorate: []string{"orders-db-0"},
		}},
		"a server that starts": {starts, engine.MemberReport{Role: v1alpha1.RoleUnknown}},
	} {
		client := fake.NewClientset(pod(me.Pod, ""))
		v := &voter{seen: tt.seen}
		a := voters(t, client, v)
		for range 2 { // the first tends, the second says so
			if _, err := a.pass(t.Context(), false); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got := engine.MemberReport{
			Role: a.said.Role, Ready: a.said.Ready, CaughtUp: a.said.CaughtUp, Epoch: a.said.Epoch,
			Timeline: a.said.Timeline, Durability: a.said.Durability, Electorate: a.said.Electorate,
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		for _, action := range client.Actions() {
			if action.GetResource().Resource == "leases" {
				t.Errorf("%s: there is no Lease, and no right to %s one", name, action.GetVerb())
			}
		}
	}
}

// TestARequestToHandOverIsTriedOnce: the operator is told why it failed, and must be free to go on with something else.
func TestARequestToHandOverIsTriedOnce(t *testing.T) {
	t.Parallel()
	v := &voter{seen: serving(), handOver: errors.New("no replica is level")}
	a := voters(t, fake.NewClientset(pod(me.Pod, "")), v)
	a.plan.Switchover = &engine.Switchover{ID: "op", From: me.Pod}
	for i := range 3 {
		if _, err := a.pass(t.Context(), false); (err != nil) != (i == 0) {
			t.Errorf("pass %d ended with %v", i, err)
		}
	}
	if len(v.asked) != 1 || v.asked[0] != "orders-db-1-1" {
		t.Errorf("the driver was asked for %v, want once", v.asked)
	}
	want := &engine.SwitchoverReport{ID: "op", Message: "no replica is level"}
	if d := cmp.Diff(want, a.said.Switchover); d != "" {
		t.Errorf("what was said of it (-want +got):\n%s", d)
	}
}

// TestAShardIsDrainedOnlyByTheNewestPlan: by an older one it may not have been one to go.
func TestAShardIsDrainedOnlyByTheNewestPlan(t *testing.T) {
	t.Parallel()
	o := serving()
	o.Drained = true
	a := voters(t, fake.NewClientset(pod(me.Pod, "")), &voter{seen: o})
	a.planHash, a.tended = "now", tended{hash: "before"}
	if a.describe(o, runbook.Step{}).Drained {
		t.Error("drained by a plan that is not carried out yet")
	}
	a.tended.hash = "now"
	if !a.describe(o, runbook.Step{}).Drained {
		t.Error("not drained, though the newest plan is carried out")
	}
}

// TestAMemberWithoutALeaseHasNoVote: nobody who asks by mistake may rely on an answer.
func TestAMemberWithoutALeaseHasNoVote(t *testing.T) {
	t.Parallel()
	n := &native{}
	if v := n.Vote(t.Context(), election.VoteRequest{Epoch: 3}); v.Granted {
		t.Errorf("voted %+v", v)
	}
	if n.Vouch(election.VouchRequest{Epoch: 3}).Yes || n.State().Refuses == "" {
		t.Error("it vouches, or could be primary")
	}
}
