// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// served is an observation of a server that runs, under a Lease.
func served(holder string) pure.Observation {
	return pure.Observation{
		Member: me.Pod, Incarnation: me.Incarnation(), Lease: pure.Lease{Known: true, Holder: holder},
		Volume: pure.Volume{Locked: true, HasData: true, SystemID: "7"},
		Server: pure.Server{Running: true, Accepting: true, Timeline: 3, Version: "17.6"},
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	const theirs = "orders-db-1/u/n"
	tend, wait := pure.Step{Kind: pure.StepTend}, pure.Step{Kind: pure.StepWait}
	streaming := served(theirs)
	streaming.Server.Streaming = true
	behind := streaming
	behind.Server.Behind = nearlyLevel
	for name, tt := range map[string]struct {
		o      pure.Observation
		step   pure.Step
		tended tended
		want   engine.MemberReport
	}{
		"never tended: nobody, whatever the Lease says": {served(me.Incarnation()), tend, tended{}, engine.MemberReport{
			Role: v1alpha1.RoleUnknown,
		}},
		"a primary": {served(me.Incarnation()), tend, tended{hash: "now"}, engine.MemberReport{
			Role: v1alpha1.RolePrimary, Ready: true, CaughtUp: true, Timeline: 3, PlanHash: "now",
		}},
		"a primary that has yet to carry out the newest plan": {served(me.Incarnation()), tend, tended{hash: "before"},
			engine.MemberReport{Role: v1alpha1.RolePrimary, CaughtUp: true, Timeline: 3, PlanHash: "before"}},
		"a primary that starts again keeps its part": {served(me.Incarnation()), wait, tended{hash: "now"},
			engine.MemberReport{Role: v1alpha1.RolePrimary, CaughtUp: true, Timeline: 3, PlanHash: "now"}},
		"a replica": {streaming, tend, tended{hash: "now"}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Ready: true, CaughtUp: true, Timeline: 3, PlanHash: "now",
		}},
		"a replica that receives nothing": {served(theirs), tend, tended{hash: "now"}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Timeline: 3, PlanHash: "now",
		}},
		"a replica that is behind": {behind, tend, tended{hash: "now"}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, Timeline: 3, PlanHash: "now",
		}},
		"a level replica that starts again": {streaming, wait, tended{hash: "now"}, engine.MemberReport{
			Role: v1alpha1.RoleReplica, CaughtUp: true, Timeline: 3, PlanHash: "now",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Agent{id: me, planHash: "now", tended: tt.tended}
			tt.want.Protocol, tt.want.Incarnation = engine.Protocol, me.Incarnation()
			tt.want.SystemID, tt.want.EngineVersion = "7", "17.6"
			if got := a.describe(tt.o, tt.step); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("said %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestALostLeaseChangesNobody: the operator makes a deleted Lease again in the name of whoever says to be primary.
func TestALostLeaseChangesNobody(t *testing.T) {
	t.Parallel()
	a := &Agent{id: me, planHash: "now", tended: tended{hash: "now"}}
	a.said = a.describe(served(me.Incarnation()), pure.Step{Kind: pure.StepTend})
	lost := served("")
	if got := a.describe(lost, pure.Step{Kind: pure.StepWait}); got.Role != v1alpha1.RolePrimary || !got.Ready {
		t.Errorf("without a Lease a serving primary says %+v", got)
	}
	lost.Server.Accepting = false
	if got := a.describe(lost, pure.Step{Kind: pure.StepWait}); got.Role != v1alpha1.RolePrimary || got.Ready {
		t.Errorf("without a Lease and a server a primary says %+v", got)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	a := &Agent{id: me}
	o := served(me.Incarnation())
	o.Refused = "work_mem"
	if got := a.describe(o, pure.Step{}).Problem; got == nil || got.Reason != v1alpha1.ReasonInvalid {
		t.Errorf("a refused configuration gives %+v", got)
	}
	foreign := &engine.Problem{Reason: v1alpha1.ReasonForeignData}
	if got := a.describe(o, pure.Step{Problem: foreign}).Problem; got != foreign {
		t.Errorf("what keeps data safe gives way to %+v", got)
	}
}

// TestVoteIsOfAPositionThatStandsStill: a vote while WAL is still applied would be for older data than there is.
func TestVoteIsOfAPositionThatStandsStill(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*pure.Observation)
		want   *engine.Vote
	}{
		"settled":                  {func(*pure.Observation) {}, &engine.Vote{SystemID: "7", Timeline: 3, Position: 9}},
		"still applying":           {func(o *pure.Observation) { o.Server.Settled = false }, nil},
		"nothing to choose":        {func(o *pure.Observation) { o.Plan.RetainedMembers = nil }, nil},
		"a primary is chosen":      {func(o *pure.Observation) { o.Lease.Holder = "orders-db-1/u/n" }, nil},
		"an empty volume":          {func(o *pure.Observation) { empty(o) }, &engine.Vote{}},
		"a volume not looked into": {func(o *pure.Observation) { empty(o); o.Volume.Locked = false }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := served("")
			o.Plan.RetainedMembers = []string{me.Pod, "orders-db-1"}
			o.Server.Settled, o.Server.Position = true, 9
			tt.change(&o)
			got := (&Agent{id: me}).describe(o, pure.Step{Kind: pure.StepWait}).Vote
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("voted %+v, want %+v", got, tt.want)
			}
		})
	}
}

func empty(o *pure.Observation) { o.Volume, o.Server = pure.Volume{Locked: true}, pure.Server{} }

// TestEveryFieldOfAReportCounts: a field that same overlooked would never reach the operator.
func TestEveryFieldOfAReportCounts(t *testing.T) {
	t.Parallel()
	base := engine.MemberReport{
		Protocol: 1, Incarnation: "p/u/n", Role: v1alpha1.RoleReplica, PendingRestart: []string{"a"},
		Vote: &engine.Vote{SystemID: "7"}, Problem: &engine.Problem{Message: "m"},
	}
	again := base
	again.PendingRestart, again.Vote, again.Problem = []string{"a"}, new(*base.Vote), new(*base.Problem)
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
	for i := range reflect.TypeFor[engine.Vote]().NumField() {
		other := base
		other.Vote = new(*base.Vote)
		change(t, reflect.ValueOf(other.Vote).Elem().Field(i))
		if same(base, other) {
			t.Errorf("a change of the vote's field %d is overlooked", i)
		}
	}
}

// change gives a field another value than it has.
func change(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		field.SetInt(field.Int() + 1)
	case reflect.Uint64:
		field.SetUint(field.Uint() + 1)
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.String:
		field.SetString(field.String() + "x")
	case reflect.Slice, reflect.Pointer:
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
		"a vote":     {engine.MemberReport{Role: v1alpha1.RoleUnknown, Vote: &engine.Vote{}}, true},
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
	a.planHash, a.tended = "now", tended{hash: "now"}
	o, tend := served(me.Incarnation()), pure.Step{Kind: pure.StepTend}
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
	if err := a.report(t.Context(), o, pure.Step{Kind: pure.StepWait}); err != nil {
		t.Fatal(err)
	}
	if got := patched(client); len(got) != 3 || a.ready.Load() {
		t.Errorf("%d patches, ready is %v: a member that stopped serving must say so", len(got), a.ready.Load())
	}
}

// TestPace: what failed is tried again later and later, and soon after it has served.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &Agent{retry: flowcontrol.NewBackOff(minRetry, maxRetry)}
		taken := func() bool { return a.paced(pure.Step{Kind: pure.StepStartPrimary}).Kind == pure.StepStartPrimary }
		if !taken() || taken() {
			t.Error("the first start is held back, or the second right after it is not")
		}
		var last time.Duration
		for range 8 {
			began := time.Now()
			for !taken() {
				time.Sleep(minRetry / 2)
			}
			if wait := time.Since(began); wait < minRetry || wait < last || wait > maxRetry {
				t.Errorf("waited %v after %v, want from %v rising to %v", wait, last, minRetry, maxRetry)
			} else {
				last = wait
			}
		}
		if last != maxRetry {
			t.Errorf("waits end at %v, want %v", last, maxRetry)
		}
		if a.paced(pure.Step{Kind: pure.StepTakeLease}).Kind != pure.StepTakeLease {
			t.Error("a failed start holds back what has nothing to do with it")
		}
		a.paced(pure.Step{Kind: pure.StepTend})
		if !taken() {
			t.Error("a server that had served and died does not start again at once")
		}
	})
}
