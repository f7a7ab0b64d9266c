// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
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

// Options are what an Agent is made of.
type Options struct {
	Identity
	// Client is the API server, Driver the engine, Peers the other members' agents, Fence what kills the engine.
	Client kubernetes.Interface
	Driver *postgresql.Driver
	Peers  *peer.Client
	Fence  election.Engine
	Clock  election.Clock
}

// Agent keeps one member as the plan says.
type Agent struct {
	id      Identity
	cluster *cluster
	driver  *postgresql.Driver
	peers   *peer.Client
	elector *election.Elector
	woken   chan struct{}

	plan     engine.Plan
	planHash string
	// refusedHash is of the last plan that was refused.
	refusedHash string
	// standing is what the engine is being made.
	standing engine.Standing
	primary  primary
	work     *work // a long step; nil while none runs
	said     engine.MemberReport
	saidOnce bool
	level    level
	tended   tended

	// retry spaces out the steps that fail.
	retry   *flowcontrol.Backoff
	metrics *metrics

	ready    atomic.Bool
	lastPass atomic.Int64
}

// New returns an Agent that has not begun.
func New(o Options) (*Agent, error) {
	a := &Agent{
		id: o.Identity, driver: o.Driver, peers: o.Peers, woken: make(chan struct{}, 1),
		retry: flowcontrol.NewBackOff(minRetry, maxRetry),
		said:  engine.MemberReport{Role: v1alpha1.RoleUnknown}, // parts that keep what was said begin with it
	}
	c, err := newCluster(o.Client, o.Identity, a.wake)
	if err != nil {
		return nil, fmt.Errorf("watching the cluster's objects: %w", err)
	}
	a.cluster = c
	a.elector = election.New(election.Options{
		Member: o.Pod, Incarnation: o.Incarnation(), Clock: o.Clock, Leases: c.lease, Peers: o.Peers, Engine: o.Fence,
		Changed: a.wake,
	})
	c.elector = a.elector
	a.metrics = newMetrics(a.elector)
	return a, nil
}

// Answers is what this member answers its peers.
type Answers struct {
	*election.Elector
	driver *postgresql.Driver
}

// Answers gives who answers the peers.
func (a *Agent) Answers() Answers { return Answers{a.elector, a.driver} }

// State adds what the engine's own rules want to know of a primary.
func (a Answers) State() election.State {
	s := a.Elector.State()
	s.Engine = a.driver.PeerState()
	return s
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
	busyTick = 50 * time.Millisecond
	calmTick = time.Second
)

// minRetry and maxRetry bound the time before a start or a copy is tried again. A server that was killed starts again
// almost at once; one that cannot start must not fill the log.
const (
	minRetry = 100 * time.Millisecond
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
	go a.elector.Run(ctx)
	for {
		told := isClosed(stopping)
		if told {
			a.elector.Stop()
		}
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
	case err := <-a.work.ended():
		a.work = nil
		if err != nil {
			klog.FromContext(ctx).Error(err, "Long step failed")
		}
	case <-w.stopping:
	case <-timer.C:
	}
	return nil
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
		a.elector.Plan(election.PlanOf(plan))
		hosts := map[string]string{}
		for _, m := range plan.Members {
			hosts[m.Name] = m.Host
		}
		a.peers.SetHosts(hosts)
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
