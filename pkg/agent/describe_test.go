// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// server is an observation of a server that runs, changed.
func server(change func(s *runbook.Server)) runbook.Observation {
	o := serving()
	change(&o.Server)
	return o
}

func TestDescribeRole(t *testing.T) {
	t.Parallel()
	tend, wait := runbook.Step{Kind: runbook.StepTend}, runbook.Step{Kind: runbook.StepWait}
	quorum := engine.Quorum{Count: 2, Members: []string{"orders-db-0", "orders-db-1"}}
	lead := engine.Standing{Part: engine.PartLead, Epoch: 2, Quorum: quorum}
	follow := engine.Standing{Part: engine.PartFollow, Epoch: 2, Primary: "orders-db-1"}
	now, before := tended{hash: "now"}, tended{hash: "before"}
	primary := engine.MemberReport{Role: v1alpha1.RolePrimary, Ready: true, CaughtUp: true, Timeline: 3}
	replica := engine.MemberReport{Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Timeline: 3}
	nobody := engine.MemberReport{Role: v1alpha1.RoleUnknown}

	enforces := server(func(s *runbook.Server) { s.Enforced = quorum })
	unenforced := server(func(*runbook.Server) {})
	recovers := server(func(s *runbook.Server) { s.InRecovery = true })
	streams := server(func(s *runbook.Server) { s.InRecovery, s.Streaming = true, true })
	empty := streams
	empty.Volume.HasData = false
	behind := server(func(s *runbook.Server) { s.InRecovery, s.Streaming, s.Behind = true, true, nearlyLevel })
	starts := server(func(s *runbook.Server) { *s = runbook.Server{Running: true} })
	down := server(func(s *runbook.Server) { *s = runbook.Server{} })

	for name, tt := range map[string]struct {
		standing engine.Standing
		o        runbook.Observation
		step     runbook.Step
		tended   tended
		said     engine.MemberReport
		want     engine.MemberReport
	}{
		"a primary": {lead, enforces, tend, now, nobody, primary},
		"a new primary whose quorum is not in force has no label yet": {lead, unenforced, wait, now, nobody,
			engine.MemberReport{Role: v1alpha1.RoleUnknown, CaughtUp: true, Timeline: 3}},
		"a primary whose quorum changes keeps its label": {lead, unenforced, wait, now, primary, primary},
		"a primary that has yet to carry out its first plan": {lead, enforces, tend, before, nobody,
			engine.MemberReport{Role: v1alpha1.RolePrimary, CaughtUp: true, Timeline: 3}},
		"a primary with a newer plan stays ready": {lead, enforces, tend, before, primary, primary},
		"a primary whose engine starts again keeps its label": {lead, starts, wait, now, primary,
			engine.MemberReport{Role: v1alpha1.RolePrimary, CaughtUp: true}},
		"a primary whose engine is down keeps its label": {lead, down, wait, now, primary,
			engine.MemberReport{Role: v1alpha1.RolePrimary, CaughtUp: true}},
		"a replica to be promoted stays ready for the Service": {lead, recovers, wait, now, replica, replica},
		"a volume where nothing runs has no label": {lead, down, wait, now, nobody,
			engine.MemberReport{Role: v1alpha1.RoleUnknown, CaughtUp: true}},

		"a replica": {follow, streams, tend, now, nobody, replica},
		"a replica that has yet to carry out its first plan": {follow, streams, tend, before, nobody,
			engine.MemberReport{Role: v1alpha1.RoleUnknown, CaughtUp: true}},
		"a replica whose first copy is not on its disk is on its way": {follow, empty, tend, now, nobody,
			engine.MemberReport{Role: v1alpha1.RoleUnknown, CaughtUp: true}},
		"a replica that gets a new copy keeps its label": {follow, empty, tend, now, replica, replica},
		"a replica that receives nothing": {follow, recovers, tend, now, nobody,
			engine.MemberReport{Role: v1alpha1.RoleReplica, Timeline: 3}},
		"a replica that is behind": {follow, behind, tend, now, nobody,
			engine.MemberReport{Role: v1alpha1.RoleReplica, Timeline: 3}},
		"a replica that takes another step": {follow, streams, wait, now, replica, replica},
		"an old primary settles first":      {follow, recovers, wait, now, primary, nobody},

		"a replica that votes keeps its label": {engine.Standing{Part: engine.PartYield, Epoch: 3}, recovers, wait, now,
			replica, replica},
		"nobody": {engine.Standing{Part: engine.PartNobody}, recovers, wait, now, replica, nobody},
		"a primary that resigns": {engine.Standing{Part: engine.PartResign, Epoch: 2}, enforces, wait, now, primary,
			nobody},
		"the election has not spoken": {engine.Standing{}, enforces, tend, now, nobody, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Agent{id: me, planHash: "now", tended: tt.tended, standing: tt.standing, said: tt.said}
			got := engine.MemberReport{Role: v1alpha1.RoleUnknown}
			a.describeRole(&got, tt.o, tt.step)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("said %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestDescribe: all that a pass knows and the operator must learn is in the report.
func TestDescribe(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	a.planHash = "now"
	a.tended = tended{hash: "now", generation: 4, pending: []string{"max_connections"}, restartInPlace: true}
	o := serving()
	o.Volume.Rebuilt = "r-1"
	got := a.describe(o, runbook.Step{Kind: runbook.StepTend})
	want := engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: me.Incarnation(), Role: v1alpha1.RoleUnknown,
		PlanHash: "now", PlanGeneration: 4, PendingRestart: []string{"max_connections"}, RestartInPlace: true,
		SystemID: "7", EngineVersion: "17.6", Rebuilt: "r-1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("said %+v\nwant %+v", got, want)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	o := serving()
	if got := a.describe(o, runbook.Step{}).Problem; got != nil {
		t.Errorf("a member without one has problem %+v", got)
	}
	o.Refused = "work_mem"
	if got := a.describe(o, runbook.Step{}).Problem; got == nil || got.Reason != v1alpha1.ReasonInvalid {
		t.Errorf("a refused configuration gives %+v", got)
	}
	foreign := &engine.Problem{Reason: v1alpha1.ReasonForeignData}
	if got := a.describe(o, runbook.Step{Problem: foreign}).Problem; got != foreign {
		t.Errorf("what keeps data safe gives way to %+v", got)
	}
}

// TestTheElectionsProblemIsTold, unless the member has one of its own.
func TestTheElectionsProblemIsTold(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	a.elector = election.New(election.Options{Member: me.Pod})
	if got := a.describe(serving(), runbook.Step{}); got.Problem != nil || got.Epoch != 0 {
		t.Errorf("an election that knows nothing gives %+v", got)
	}
}

// TestEveryFieldOfAReportCounts: a field that same overlooked would never reach the operator.
func TestEveryFieldOfAReportCounts(t *testing.T) {
	t.Parallel()
	base := engine.MemberReport{
		Protocol: 1, Incarnation: "p/u/n", Role: v1alpha1.RoleReplica, PendingRestart: []string{"a"},
		Electorate: []string{"p"}, Problem: &engine.Problem{Message: "m"},
		Promotion: &engine.PromotionReport{Epoch: 2}, Switchover: &engine.SwitchoverReport{ID: "s"},
	}
	again := base
	again.PendingRestart, again.Electorate = []string{"a"}, []string{"p"}
	again.Problem = new(*base.Problem)
	again.Promotion, again.Switchover = new(*base.Promotion), new(*base.Switchover)
	if !same(base, again) {
		t.Error("equal reports in other memory differ: each would be a write")
	}
	fields := reflect.TypeFor[engine.MemberReport]()
	for i := range fields.NumField() {
		other := base
		change(t, reflect.ValueOf(&other).Elem().Field(i))
		if same(base, other) {
			t.Errorf("a change of %s is overlooked", fields.Field(i).Name)
		}
	}
}

// change gives a field another value than it has.
func change(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		field.SetInt(field.Int() + 1)
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.String:
		field.SetString(field.String() + "x")
	case reflect.Pointer:
		if field.IsNil() {
			field.Set(reflect.New(field.Type().Elem()))
		} else {
			field.SetZero()
		}
	case reflect.Slice:
		field.SetZero()
	default:
		t.Fatalf("no other value is known for a %s", field.Kind())
	}
}

func TestWorthSaying(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		report engine.MemberReport
		want   bool
	}{
		"on its way": {engine.MemberReport{Role: v1alpha1.RoleUnknown, SystemID: "7", EngineVersion: "17.6"}, false},
		"a part":     {engine.MemberReport{Role: v1alpha1.RoleReplica}, true},
		"a problem":  {engine.MemberReport{Role: v1alpha1.RoleUnknown, Problem: &engine.Problem{}}, true},
	} {
		if got := worthSaying(tt.report); got != tt.want {
			t.Errorf("%s: worth saying is %v, want %v", name, got, tt.want)
		}
	}
}

// TestAReportIsWrittenOnce: reports are events, not a heartbeat, and one that failed is said again.
func TestAReportIsWrittenOnce(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	fails := true
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		if fails {
			return true, nil, apierrors.NewInternalError(errors.New("no quorum"))
		}
		return false, nil, nil
	})
	a := agentOn(t, client)
	a.planHash, a.tended, a.standing = "now", tended{hash: "now"}, engine.Standing{Part: engine.PartLead, Epoch: 1}
	o, tend := serving(), runbook.Step{Kind: runbook.StepTend}
	if err := a.report(t.Context(), o, tend); !apierrors.IsInternalError(err) {
		t.Errorf("got %v, want the API server's error", err)
	}
	if !a.ready.Load() {
		t.Error("an API server that does not answer made a serving member not ready")
	}
	fails = false
	for range 5 {
		if err := a.report(t.Context(), o, tend); err != nil {
			t.Fatal(err)
		}
	}
	if got := patched(client); len(got) != 2 {
		t.Errorf("%d patches, want the one that failed and one more", len(got))
	}
	o.Server = runbook.Server{}
	if err := a.report(t.Context(), o, runbook.Step{Kind: runbook.StepStartPrimary}); err != nil {
		t.Fatal(err)
	}
	if got := patched(client); len(got) != 3 || a.ready.Load() {
		t.Errorf("%d patches, ready is %v: a member that stopped serving must say so", len(got), a.ready.Load())
	}
}

// TestAReportThatMayHaveComeIsTakenBack: a report that failed may have been written, and then what was said before does
// not stand there any more.
func TestAReportThatMayHaveComeIsTakenBack(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	fails := false
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return fails, nil, context.DeadlineExceeded
	})
	a := agentOn(t, client)
	a.planHash, a.tended, a.standing = "now", tended{hash: "now"}, engine.Standing{Part: engine.PartLead, Epoch: 1}
	o, tend := serving(), runbook.Step{Kind: runbook.StepTend}
	for _, said := range []struct {
		problem *engine.Problem
		fails   bool
	}{{nil, false}, {&engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum}, true}, {nil, false}, {nil, false}} {
		o.Problem, fails = said.problem, said.fails
		if err := a.report(t.Context(), o, tend); (err != nil) != fails {
			t.Fatal(err)
		}
	}
	if got := patched(client); len(got) != 3 {
		t.Errorf("%d patches, want one, one that failed, and the first again", len(got))
	}
}

// TestAReportWaitsForTheLease: a first primary whose quorum is in force says so once the Lease does, in one report.
func TestAReportWaitsForTheLease(t *testing.T) {
	t.Parallel()
	quorum := engine.Quorum{Count: 1, Members: []string{me.Pod}}
	reached := server(func(s *runbook.Server) { s.Enforced, s.Flushed = quorum, quorum })
	waiting := server(func(s *runbook.Server) { s.Enforced = quorum })
	follow := engine.Standing{Part: engine.PartFollow, Epoch: 1, Primary: "orders-db-1"}
	for name, tt := range map[string]struct {
		standing engine.Standing
		o        runbook.Observation
		recorded *engine.Quorum
		want     bool
	}{
		"the Lease is being written": {engine.Standing{Part: engine.PartLead, Quorum: quorum}, reached, nil, true},
		"the Lease says another": {engine.Standing{Part: engine.PartLead, Quorum: quorum}, reached,
			&engine.Quorum{Count: 2, Members: []string{me.Pod, "orders-db-1"}}, true},
		"the Lease says it":              {engine.Standing{Part: engine.PartLead, Quorum: quorum}, reached, &quorum, false},
		"replicas have yet to come":      {engine.Standing{Part: engine.PartLead, Quorum: quorum}, waiting, nil, false},
		"no write has to wait":           {engine.Standing{Part: engine.PartLead}, serving(), nil, false},
		"a replica has nothing to write": {follow, serving(), nil, false},
	} {
		a := &Agent{standing: tt.standing}
		if got := a.recording(tt.o, engine.MemberReport{Quorum: tt.recorded}); got != tt.want {
			t.Errorf("%s: waits is %v, want %v", name, got, tt.want)
		}
	}
}

// TestAMemberOnItsWaySaysNothing: a pod that starts has a status of its own, and each report is a write.
func TestAMemberOnItsWaySaysNothing(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	a := agentOn(t, client)
	if err := a.report(t.Context(), serving(), runbook.Step{Kind: runbook.StepWait}); err != nil {
		t.Fatal(err)
	}
	if got := patched(client); len(got) > 0 {
		t.Errorf("patched %q", got)
	}
}

// TestClosed: while the Service of the primary may lead to a member that is not primary, applications stay out of it.
func TestClosed(t *testing.T) {
	t.Parallel()
	primary, lead := engine.MemberReport{Role: v1alpha1.RolePrimary}, engine.Standing{Part: engine.PartLead}
	replica, follow := engine.MemberReport{Role: v1alpha1.RoleReplica}, engine.Standing{Part: engine.PartFollow}
	now := time.Now()
	for name, tt := range map[string]struct {
		said     engine.MemberReport
		standing engine.Standing
		routed   time.Time
		want     bool
	}{
		"a primary":                                 {primary, lead, now, false},
		"a replica that never was primary":          {replica, follow, time.Time{}, false},
		"a primary that holds the Lease no more":    {primary, engine.Standing{Part: engine.PartNobody}, time.Time{}, true},
		"a replica that was primary a moment ago":   {replica, follow, now, true},
		"a replica that was primary once":           {replica, follow, now.Add(-routedFor), false},
		"one that will be primary in the next turn": {replica, lead, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Agent{said: tt.said, standing: tt.standing, routed: tt.routed}
			if got := a.closed(); got != tt.want {
				t.Errorf("closed is %v", got)
			}
		})
	}
}
