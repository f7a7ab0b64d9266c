// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// elector finds out what part this member has: by the cluster's Lease (election.Elector), or by looking at an engine
// whose members vote by themselves (native).
type elector interface {
	peer.Answerer
	hearer
	teller
	// Run works until ctx ends.
	Run(ctx context.Context)
}

// hearer is what an elector is told.
type hearer interface {
	// Plan takes over a plan, Post what is known of the engine.
	Plan(p election.Plan)
	Post(f engine.Facts)
	// Stop says that the pod is ending.
	Stop()
}

// teller is what an elector tells.
type teller interface {
	// Standing is what the engine must be now.
	Standing() engine.Standing
	// Stopped says that nothing is left to do for others before the pod may end.
	Stopped() bool
	// Report is what the operator and people are told.
	Report() election.Report
}

var (
	_ elector = (*election.Elector)(nil)
	_ elector = (*native)(nil)
)

// native is the elector of an engine that elects by itself. It decides nothing: what the engine plays is what it is to
// play, and so a report says what came of the engine's own votes. It arms no fence. A primary that is cut off is
// bounded by those votes: it stops taking writes when it no longer sees a majority, before that elects another.
//
// Of an engine without a primary every server that answers is a replica, of nobody: so it is never asked to lead, and
// the agent's own measure of being level says whether it serves.
type native struct {
	incarnation string
	leaderless  bool

	mu       sync.Mutex
	facts    engine.Facts
	stopping bool
}

// Run waits: there is nothing to do that the loop does not.
func (*native) Run(ctx context.Context) { <-ctx.Done() }

// Plan is for the engine's own rules, which have it anyway.
func (*native) Plan(election.Plan) {}

// Post takes over what the engine plays.
func (n *native) Post(f engine.Facts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaderless && f.Plays == v1alpha1.RolePrimary {
		f.Plays = v1alpha1.RoleReplica
	}
	n.facts = f
}

// Standing is the part that the engine plays.
func (n *native) Standing() engine.Standing {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.facts.Plays {
	case v1alpha1.RolePrimary:
		return engine.Standing{Part: engine.PartLead, Epoch: n.facts.Term, Quorum: n.facts.Enforced}
	case v1alpha1.RoleReplica:
		return engine.Standing{Part: engine.PartFollow, Epoch: n.facts.Term}
	case v1alpha1.RoleUnknown:
	}
	return engine.Standing{Part: engine.PartNobody}
}

// Stop says that the pod is ending.
func (n *native) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopping = true
}

// Stopped is true at once: to hand over first is a rule of the engine's runbook.
func (n *native) Stopped() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stopping
}

// Report tells of the engine's own epoch and electorate, and of what is enforced by whoever accepts writes.
func (n *native) Report() election.Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := election.Report{Epoch: n.facts.Term, Electorate: n.facts.Electorate}
	if n.facts.Plays == v1alpha1.RolePrimary || (n.leaderless && n.facts.Plays == v1alpha1.RoleReplica) {
		r.Durability = v1alpha1.EffectiveNone
		if !n.facts.Enforced.None() {
			r.Durability = v1alpha1.EffectiveMajority
		}
	}
	return r
}

// State tells a peer how this member is.
func (n *native) State() election.State {
	n.mu.Lock()
	defer n.mu.Unlock()
	return election.State{
		Incarnation: n.incarnation, Epoch: n.facts.Term, HasData: n.facts.HasData, SystemID: n.facts.SystemID,
		Refuses: electsByItself,
	}
}

// electsByItself is why a member has no vote to give.
const electsByItself = "the engine elects by itself"

// Vote refuses.
func (*native) Vote(_ context.Context, q election.VoteRequest) election.Vote {
	return election.Vote{Epoch: q.Epoch, Why: electsByItself}
}

// Vouch promises nothing: nobody depends on it.
func (*native) Vouch(election.VouchRequest) election.Voucher { return election.Voucher{} }

// Farewell is no news to a member that takes over by no Lease.
func (*native) Farewell(election.Farewell) {}
