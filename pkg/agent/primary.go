// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// primary is what the primary's agent said last of its engine. It is asked beside the loop.
type primary struct {
	mu     sync.Mutex
	member string
	epoch  int64
	state  election.State
	heard  bool
	asked  time.Time
	asking bool
}

// How often the primary is asked: a member that has yet to settle how to follow cannot wait, one that follows only
// wants to know how far its slots may move.
const (
	askWhileSettling = 200 * time.Millisecond
	askWhileLevel    = 10 * time.Second
)

// primaryState is the state of the primary to follow, as far as it is known, and asks for a newer one when it is due.
func (a *Agent) primaryState(ctx context.Context, o runbook.Observation) runbook.PrimaryState {
	name := o.Standing.Primary // nobody, where the engine knows by itself whom it follows
	if o.Standing.Part != engine.PartFollow || name == "" {
		return runbook.PrimaryState{}
	}
	every := askWhileSettling
	if o.Server.Primary == name && o.Server.Streaming {
		every = askWhileLevel
	}
	// Its pod is watched even when it says nothing: that its container has ended is how a failover begins early.
	pod := a.cluster.watchHolder(ctx, name)
	p := &a.primary
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.member != name || p.epoch != o.Standing.Epoch {
		p.member, p.epoch, p.heard, p.asked = name, o.Standing.Epoch, false, time.Time{}
	}
	if !p.asking && time.Since(p.asked) >= every {
		p.asking, p.asked = true, time.Now()
		go a.askPrimary(ctx, name)
	}
	if !p.heard {
		return runbook.PrimaryState{}
	}
	state := runbook.PrimaryState{
		Known: true, Leading: p.state.Leading, SystemID: p.state.SystemID, Lineage: p.state.Point.Lineage,
		Engine: p.state.Engine,
	}
	if pod != nil {
		state.Address = pod.Status.PodIP
	}
	return state
}

func (a *Agent) askPrimary(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, election.RequestTimeout)
	defer cancel()
	s, err := a.peers.State(ctx, name)
	p := &a.primary
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = false
	if p.member == name {
		p.state, p.heard = s, err == nil
		a.wake()
	}
}
