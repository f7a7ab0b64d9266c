// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

const (
	// chaosLasts is how long faults begin, faultLasts how long one lasts at most.
	chaosLasts = 14 * time.Second
	faultLasts = 15 * time.Second
	// healsWithin is how long a cluster may take to be whole again when nothing is wrong any more.
	healsWithin = 60 * time.Second
)

// scenarioOf is the scenario of a seed.
func scenarioOf(seed uint64) scenario {
	rng := rand.New(rand.NewPCG(seed, 2))
	s := scenario{
		seed:       seed,
		members:    []int{2, 3, 3, 3, 3, 3, 3, 5}[rng.IntN(8)],
		durability: v1alpha1.DurabilityMajority,
		long:       []int{0, 2, 2, 10}[rng.IntN(4)],
	}
	switch rng.IntN(10) {
	case 0, 1, 2:
		s.durability = v1alpha1.DurabilityRelaxed
	case 3, 4, 5:
		s.hard = true
	}
	return s
}

// simulate plays a scenario with faults by its seed, and gives what is wrong, "" for nothing, and how it came.
func simulate(t *testing.T, s scenario) (wrong string, trace []string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := newWorld(s)
		w.misfortune()
		w.end()
		wrong, trace = w.wrong, w.trace
	})
	return wrong, trace
}

// misfortune lets faults happen, heals them, and waits until the cluster is whole again.
func (w *world) misfortune() {
	if w.chance(2) {
		w.outage()
		return
	}
	if w.chance(80) {
		w.run(20*time.Second, w.healthy)
	}
	end := w.now + chaosLasts
	for range 1 + w.rng.IntN(5) {
		f := w.anyFault()
		w.after(w.between(0, chaosLasts), func() { w.strike(f, w.between(50*time.Millisecond, faultLasts)) })
	}
	w.run(end+faultLasts, nil)
	w.expectHealth()
}

// outage is a minute without an API server, for everybody, while all members answer each other. It changes nothing.
func (w *world) outage() {
	w.long = 0
	w.expectHealth()
	primary, heal := w.primary(), apiDown(w, nil)
	if primary == nil {
		return
	}
	for range 60 {
		w.run(w.now+time.Second, nil)
		if acks := w.judge.acks; w.wrong == "" && acks[len(acks)-1].at < w.now-2*time.Second {
			w.violated("the primary stopped, although all peers answer")
		}
	}
	heal()
	w.expectHealth()
	if len(w.judge.promotions) > 1 {
		w.violated("another was promoted, although only the API server was down")
	}
}

// anyFault chooses a fault.
func (w *world) anyFault() fault {
	if w.hard && w.chance(40) {
		return hardFaults[w.rng.IntN(len(hardFaults))]
	}
	return faults[w.rng.IntN(len(faults))]
}

// strike begins a fault, mostly of the primary, and ends it after a while.
func (w *world) strike(f fault, lasts time.Duration) {
	m := w.members[w.rng.IntN(len(w.members))]
	if p := w.primary(); p != nil && w.chance(60) {
		m = p
	}
	w.log("FAULT %s: %s", m.name, f.name)
	if heal := f.do(w, m); heal != nil {
		w.after(lasts, func() {
			w.log("HEALED %s: %s", m.name, f.name)
			heal()
		})
	}
}

// expectHealth waits until the cluster is whole again, and checks that it stays so and that nothing was lost.
func (w *world) expectHealth() {
	w.long = 0
	w.replan(func(p *election.Plan) { p.Switchover = nil })
	w.run(w.now+2*time.Second, nil)
	w.run(w.now+healsWithin, w.healthy)
	if w.wrong != "" {
		return
	}
	if !w.healthy() {
		w.violated("the cluster did not become whole again: Lease %+v", w.api.lease)
		return
	}
	acks := len(w.judge.acks)
	w.run(w.now+2*time.Second, nil)
	if p := w.primary(); w.wrong == "" && (p == nil || len(w.judge.acks) == acks) {
		w.violated("the cluster acknowledges no writes")
	} else if p != nil {
		w.judge.has(&p.volume, p.name)
	}
}
