// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Identity is who an agent is.
type Identity struct {
	Namespace, Cluster string
	// Pod and PodUID are the pod; the member has the pod's name. Nonce is this life of the agent.
	Pod, PodUID, Nonce string
}

// Incarnation is the holderIdentity of this life of the agent.
func (i Identity) Incarnation() string { return i.Pod + "/" + i.PodUID + "/" + i.Nonce }

// Agent keeps one member as the plan says.
type Agent struct {
	id      Identity
	cluster *cluster
	driver  *postgresql.Driver
	woken   chan struct{}

	plan     engine.Plan
	planHash string
	// refusedHash is of the last plan that was refused.
	refusedHash string
	// judged is the Lease that the pass has observed. It is the one that is written: a newer one may name another holder,
	// and its resourceVersion would make the write succeed (PROTOCOL I5).
	judged   *coordinationv1.Lease
	work     chan error         // the end of a long step; nil while none runs
	abort    context.CancelFunc // ends a long step before its time
	said     engine.MemberReport
	saidOnce bool
	level    level
	tended   tended

	// retry spaces out the starts and copies that fail.
	retry   *flowcontrol.Backoff
	metrics *metrics

	ready    atomic.Bool
	lastPass atomic.Int64
}

// New returns an Agent that has not begun.
func New(client kubernetes.Interface, id Identity, driver *postgresql.Driver) (*Agent, error) {
	a := &Agent{
		id: id, driver: driver, woken: make(chan struct{}, 1),
		retry: flowcontrol.NewBackOff(minRetry, maxRetry), metrics: newMetrics(),
	}
	c, err := newCluster(client, id, a.wake)
	if err != nil {
		return nil, fmt.Errorf("watching the cluster's objects: %w", err)
	}
	a.cluster = c
	return a, nil
}

// wake asks for a pass; several wishes are one.
func (a *Agent) wake() {
	select {
	case a.woken <- struct{}{}:
	default:
	}
}

const (
	// busyTick and calmTick are how often an agent looks at what it cannot watch: a server that starts or catches up,
	// and one that is level.
	busyTick = 200 * time.Millisecond
	calmTick = time.Second
)

// minRetry and maxRetry bound the time before a start or a copy is tried again. A server that was killed starts again
// almost at once; one that cannot start must not fill the log.
const (
	minRetry = 200 * time.Millisecond
	maxRetry = 10 * time.Second
)

// Run makes passes until it was told to stop and the engine is down. stopping is closed to tell it.
func (a *Agent) Run(ctx context.Context, stopping <-chan struct{}) error {
	go a.cluster.run(ctx)
	a.readPlanFile(ctx)
	if err := a.becomeNobody(ctx); err != nil {
		klog.FromContext(ctx).Error(err, "Taking the own role label away failed; the first report will")
		a.saidOnce = true
	}
	for {
		told := isClosed(stopping)
		step, err := a.pass(ctx, told)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Pass failed", "step", step.Kind)
		}
		if step.Kind == pure.StepExit {
			return nil
		}
		a.lastPass.Store(time.Now().UnixNano())
		wake := wakers{stopping: notYet(stopping, told), exited: a.driver.Exited(), after: busyTick}
		if step.Kind == pure.StepTend && a.ready.Load() {
			wake.after = calmTick
		}
		if err != nil {
			wake.exited = nil // a death that the pass failed to see would wake it again at once, for ever
		}
		if err := a.sleep(ctx, wake); err != nil {
			return err
		}
	}
}

// wakers are what ends the sleep between two passes, besides watches and the end of a long step.
type wakers struct {
	stopping <-chan struct{}
	exited   <-chan struct{}
	after    time.Duration
}

// sleep returns when there may be something new. Its error is that of ctx.
func (a *Agent) sleep(ctx context.Context, w wakers) error {
	timer := time.NewTimer(w.after)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.woken:
	case <-w.exited:
	case err := <-a.work:
		a.work = nil
		if err != nil {
			klog.FromContext(ctx).Error(err, "Long step failed")
		}
	case <-w.stopping:
	case <-timer.C:
	}
	return nil
}

// pass observes, decides, does one thing and reports.
func (a *Agent) pass(ctx context.Context, stopping bool) (pure.Step, error) {
	a.readPlan(ctx)
	o, err := a.observe(ctx, stopping)
	if err != nil {
		return pure.Step{Kind: pure.StepWait}, err
	}
	step := pure.Step{Kind: pure.StepWait, Reason: "a long step is under way"}
	switch {
	case a.work == nil:
		step = a.paced(pure.Converge(o))
	case stopping:
		a.abort() // a copy may take hours, and a pod that ends has two minutes
	}
	if step.Kind != pure.StepWait && step.Kind != pure.StepTend {
		a.metrics.took(step.Kind)
		klog.FromContext(ctx).Info("Took step", "step", step.Kind, "primary", step.Primary, "reason", step.Reason)
	}
	stepErr := a.act(ctx, o, step)
	return step, errors.Join(stepErr, a.report(ctx, o, step))
}

// paced holds back a step that was taken a moment ago and must have failed, or it would not be due again.
func (a *Agent) paced(step pure.Step) pure.Step {
	switch step.Kind {
	case pure.StepTend:
		a.retry.Reset(string(pure.StepStartPrimary))
		a.retry.Reset(string(pure.StepStartReplica))
	case pure.StepStartPrimary, pure.StepStartReplica, pure.StepClone, pure.StepInitialise, pure.StepPromote:
		now := a.retry.Clock.Now()
		if a.retry.IsInBackOffSinceUpdate(string(step.Kind), now) {
			return pure.Step{Kind: pure.StepWait, Reason: "it failed a moment ago", Problem: step.Problem}
		}
		a.retry.Next(string(step.Kind), now)
	case pure.StepWait, pure.StepStopServer, pure.StepExit, pure.StepTakeLease, pure.StepFollow:
	}
	return step
}

// becomeNobody takes back what an earlier life of this agent may have said of itself: its role label (PROTOCOL I8) and
// its report.
func (a *Agent) becomeNobody(ctx context.Context) error {
	label, report, err := a.cluster.ownWords(ctx)
	if err != nil || (label == "" && report == "") {
		return err
	}
	return a.cluster.say(ctx, engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: a.id.Incarnation(), Role: v1alpha1.RoleUnknown,
	})
}

// readPlanFile reads the plan that was mounted: the start value, for an API server that does not answer.
func (a *Agent) readPlanFile(ctx context.Context) {
	encoded, err := os.ReadFile(filepath.Join(resource.PlanMountPath, engine.PlanKey))
	if err == nil {
		a.accept(ctx, encoded)
	}
}

func (a *Agent) readPlan(ctx context.Context) {
	encoded := a.cluster.plan()
	if hash := engine.HashPlan(encoded); encoded != nil && hash != a.planHash && hash != a.refusedHash {
		a.accept(ctx, encoded)
	}
}

// accept takes over a plan, unless it is an older one of the same cluster: a stale cache must not undo a newer plan.
func (a *Agent) accept(ctx context.Context, encoded []byte) {
	plan, err := engine.DecodePlan(encoded)
	a.refusedHash = engine.HashPlan(encoded) // unless it is taken over below; a refusal is logged once
	switch {
	case err != nil:
		klog.FromContext(ctx).Error(err, "Refused plan")
	case plan.ClusterUID == a.plan.ClusterUID && plan.Generation < a.plan.Generation:
		klog.FromContext(ctx).Info("Refused an older plan", "generation", plan.Generation, "have", a.plan.Generation)
	default:
		a.plan, a.planHash, a.refusedHash = plan, engine.HashPlan(encoded), ""
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// notYet is a channel that wakes once: a closed one would wake for ever.
func notYet(c <-chan struct{}, seen bool) <-chan struct{} {
	if seen {
		return nil
	}
	return c
}
