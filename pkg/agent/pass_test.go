// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// TestWhatIsSeenCountsForTheStandingBefore: a vote is a promise, and only a look at the engine after it was told to
// receive from nobody shows that the promise is kept. The pass that tells the engine has looked at it before.
func TestWhatIsSeenCountsForTheStandingBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lease := leaseObject("5")
		lease.Spec.HolderIdentity, lease.Spec.LeaseTransitions = new("orders-db-1/u/n"), new(int32(3))
		a := agentOn(t, fake.NewClientset(lease))
		go a.elector.Run(t.Context())
		pass := func(want engine.Part) {
			t.Helper()
			synctest.Wait()
			if _, err := a.pass(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if a.standing.Part != want {
				t.Fatalf("standing %+v, want %s", a.standing, want)
			}
		}
		pass(engine.PartFollow)
		votes := make(chan election.Vote, 1)
		go func() {
			votes <- a.elector.Vote(t.Context(), election.VoteRequest{Candidate: "orders-db-1/u/n", Epoch: 3})
		}()
		pass(engine.PartYield)
		select {
		case v := <-votes:
			t.Fatalf("voted %+v by what was seen while it might still have received", v)
		default:
		}
		pass(engine.PartYield)
		select {
		case v := <-votes:
			if !v.Granted || v.Epoch != 3 {
				t.Errorf("voted %+v", v)
			}
		default:
			t.Error("an engine that receives from nobody gave no vote")
		}
	})
}

// begun is an agent with a long step under way.
func begun(t *testing.T) *Agent {
	t.Helper()
	a := agentOn(t, fake.NewClientset(pod(me.Pod, "")))
	a.begin(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	return a
}

// calledOff waits for the end of the long step.
func calledOff(t *testing.T, a *Agent) {
	t.Helper()
	select {
	case err := <-a.work.ended():
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the long step ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the long step goes on")
	}
	a.work = nil // as the loop does
}

// TestAPodThatEndsCallsOffALongStep: a copy may take hours, and a pod that ends has two minutes.
func TestAPodThatEndsCallsOffALongStep(t *testing.T) {
	t.Parallel()
	a := begun(t)
	for range 3 {
		if step, err := a.pass(t.Context(), false); step.Kind != runbook.StepWait || err != nil {
			t.Fatalf("beside a long step came %+v, %v", step, err)
		}
	}
	select {
	case err := <-a.work.ended():
		t.Fatalf("the long step was called off for nothing: %v", err)
	default:
	}
	if step, err := a.pass(t.Context(), true); step.Kind != runbook.StepWait || err != nil {
		t.Errorf("before the long step has ended came %+v, %v", step, err)
	}
	calledOff(t, a)
}

// TestAnotherStandingCallsOffALongStep: a copy from a former primary would hold up the vote for the next.
func TestAnotherStandingCallsOffALongStep(t *testing.T) {
	t.Parallel()
	a := begun(t)
	a.work.standing = engine.Standing{Part: engine.PartFollow, Epoch: 2, Primary: "orders-db-1"}
	if step, err := a.pass(t.Context(), false); step.Kind != runbook.StepWait || err != nil {
		t.Errorf("before the long step has ended came %+v, %v", step, err)
	}
	calledOff(t, a)
}

// TestALongStepReceives: a vote while a copy is under way would be of data that still changes.
func TestALongStepReceives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lease := leaseObject("5")
		lease.Spec.HolderIdentity, lease.Spec.LeaseTransitions = new("orders-db-1/u/n"), new(int32(3))
		a := agentOn(t, fake.NewClientset(lease))
		go a.elector.Run(t.Context())
		synctest.Wait()
		release := make(chan struct{})
		end := sync.OnceFunc(func() { close(release) })
		defer end()
		a.begin(t.Context(), func(context.Context) error { <-release; return nil }) // it takes a while to be called off
		votes := make(chan election.Vote, 1)
		go func() {
			votes <- a.elector.Vote(t.Context(), election.VoteRequest{Candidate: "orders-db-1/u/n", Epoch: 3})
		}()
		pass := func() {
			t.Helper()
			synctest.Wait()
			if _, err := a.pass(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for range 3 {
			pass()
		}
		if len(votes) > 0 {
			t.Errorf("voted %+v beside a copy", <-votes)
		}
		end()
		if err := <-a.work.ended(); err != nil {
			t.Fatal(err)
		}
		a.work = nil
		pass()
		if len(votes) == 0 {
			t.Error("gave no vote after the copy")
		}
	})
}

// TestAMemberThatEndsWaitsForTheElection: a primary's engine must be down and its Lease given up before its agent ends.
func TestAMemberThatEndsWaitsForTheElection(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset(pod(me.Pod, "")))
	if step, err := a.pass(t.Context(), true); step.Kind == runbook.StepExit || err != nil {
		t.Errorf("before the election was told of the end came %+v, %v", step, err)
	}
}

func encode(t *testing.T, p engine.Plan) []byte {
	t.Helper()
	encoded, _, err := engine.EncodePlan(p)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestPlansThatAreRefused: a stale cache must not undo a newer plan, and what is not understood is not carried out.
func TestPlansThatAreRefused(t *testing.T) {
	t.Parallel()
	_, ctx := ktesting.NewTestContext(t)
	a := agentOn(t, fake.NewClientset())
	plan := func(uid string, generation int64, protocol int) []byte {
		return encode(t, engine.Plan{Protocol: protocol, ClusterUID: uid, Generation: generation})
	}
	for _, step := range []struct {
		encoded []byte
		want    int64
		why     string
	}{
		{plan("c-1", 4, engine.Protocol), 4, "the first"},
		{plan("c-1", 3, engine.Protocol), 4, "an older one"},
		{plan("c-2", 3, engine.Protocol), 3, "a new cluster of this name begins anew"},
		{plan("c-2", 9, engine.Protocol+1), 3, "an unknown protocol"},
		{[]byte(`{"generation":9`), 3, "half a plan"},
		{plan("c-2", 4, engine.Protocol), 4, "after all that a good one"},
	} {
		a.accept(ctx, step.encoded)
		if a.plan.Generation != step.want {
			t.Errorf("%s: generation %d, want %d", step.why, a.plan.Generation, step.want)
		}
		if taken := a.planHash == engine.HashPlan(step.encoded); taken == (a.refusedHash != "") {
			t.Errorf("%s: taken over %v, refused is %q", step.why, taken, a.refusedHash)
		}
	}
}

// TestThePlanIsRead: the plan of the watch is taken over.
func TestThePlanIsRead(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	a.readPlan(t.Context())
	if a.planHash != "" {
		t.Error("a plan came from nowhere")
	}
	encoded := encode(t, engine.Plan{Protocol: engine.Protocol, ClusterUID: "c", Generation: 2})
	if err := a.cluster.secrets.GetStore().Add(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: resource.PlanSecretName(me.Cluster)},
		Data:       map[string][]byte{engine.PlanKey: encoded},
	}); err != nil {
		t.Fatal(err)
	}
	a.readPlan(t.Context())
	if a.planHash != engine.HashPlan(encoded) || a.plan.Generation != 2 {
		t.Errorf("plan %+v with hash %q", a.plan, a.planHash)
	}
}

// TestPace: what failed is tried again later and later, and soon after it has served.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &Agent{retry: flowcontrol.NewBackOff(minRetry, maxRetry)}
		taken := func() bool {
			return a.paced(runbook.Step{Kind: runbook.StepStartPrimary}).Kind == runbook.StepStartPrimary
		}
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
		if a.paced(runbook.Step{Kind: runbook.StepFollow}).Kind != runbook.StepFollow {
			t.Error("a failed start holds back what has nothing to do with it")
		}
		a.paced(runbook.Step{Kind: runbook.StepTend})
		if !taken() {
			t.Error("a server that had served and died does not start again at once")
		}
	})
}
