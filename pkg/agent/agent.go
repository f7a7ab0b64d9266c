// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
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
	// Client is the API server, Engine the database engine, Peers the other members' agents, Fence what kills the server.
	Client kubernetes.Interface
	Engine Engine
	Peers  *peer.Client
	Fence  election.Engine
	Clock  election.Clock
}

// Agent keeps one member as the plan says.
type Agent struct {
	id      Identity
	cluster *cluster
	engine  Engine
	peers   *peer.Client
	elector elector
	woken   chan struct{}

	plan     engine.Plan
	planHash string
	// refusedHash is of the last plan that was refused.
	refusedHash string
	// standing is what the engine is being made.
	standing engine.Standing
	primary  primary
	work     *work // a long step; nil while none runs
	// declined is the last request to hand over that failed; nil for none.
	declined *engine.SwitchoverReport
	said     engine.MemberReport
	saidOnce bool
	// unsure says that a later report failed, and may stand there all the same.
	unsure bool
	level  level
	tended tended
	// routed is when the primary's label was last seen on the own pod; zero for never.
	routed time.Time
	// tells is what the engine tells others, as it was seen last.
	tells atomic.Pointer[[]byte]

	// retry spaces out the steps that fail.
	retry   *flowcontrol.Backoff
	metrics *metrics

	ready    atomic.Bool
	lastPass atomic.Int64
}

// New returns an Agent that has not begun.
func New(o Options) (*Agent, error) {
	a := &Agent{
		id: o.Identity, engine: o.Engine, peers: o.Peers, woken: make(chan struct{}, 1),
		retry: flowcontrol.NewBackOff(minRetry, maxRetry),
		said:  engine.MemberReport{Role: v1alpha1.RoleUnknown}, // parts that keep what was said begin with it
	}
	c, err := newCluster(o.Client, o.Identity, a.wake)
	if err != nil {
		return nil, fmt.Errorf("watching the cluster's objects: %w", err)
	}
	a.cluster = c
	if a.elector, err = a.electorBy(o); err != nil {
		return nil, fmt.Errorf("watching the Lease: %w", err)
	}
	a.metrics = newMetrics(a.elector)
	return a, nil
}

// electorBy makes who finds out this member's part: by the Lease, unless the engine elects by itself.
func (a *Agent) electorBy(o Options) (elector, error) {
	if o.Engine.Leadership != engine.LeadershipLease {
		return &native{incarnation: o.Incarnation(), leaderless: a.leaderless()}, nil
	}
	e := election.New(election.Options{
		Member: o.Pod, Incarnation: o.Incarnation(), Clock: o.Clock, Leases: a.cluster.lease, Peers: o.Peers,
		Engine: o.Fence, Forgets: o.Engine.Forgets, Changed: a.wake,
	})
	return e, a.cluster.watchLeaseFor(e)
}

// leaderless says that every member of the engine accepts writes, and none is primary.
func (a *Agent) leaderless() bool { return a.engine.Leadership == engine.LeadershipNone }

// Answers is what this member answers its peers.
type Answers struct {
	peer.Answerer
	tells *atomic.Pointer[[]byte]
	wake  func()
}

// Answers gives who answers the peers.
func (a *Agent) Answers() Answers { return Answers{a.elector, &a.tells, a.wake} }

// State adds what the engine's own rules want to know of a primary. It tells what the last pass saw, which may be a
// second old where nothing happens; who is waiting for news asks again, and finds what the pass after this one saw.
func (a Answers) State() election.State {
	defer a.wake()
	s := a.Answerer.State()
	if told := a.tells.Load(); told != nil {
		s.Engine = *told
	}
	return s
}

// wake asks for a pass; several wishes are one.
func (a *Agent) wake() {
	select {
	case a.woken <- struct{}{}:
	default:
	}
}
