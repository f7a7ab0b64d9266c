// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// TestTimings is the inequality that keeps two members from being primary at once: the slowest clock's fence comes
// before the fastest clock's expiry.
func TestTimings(t *testing.T) {
	t.Parallel()
	const rho = 0.01
	last := (election.RenewDeadline + election.FenceTime).Seconds() * (1 + rho)
	first := election.LeaseDuration.Seconds() * (1 - rho)
	if last >= first {
		t.Errorf("a primary may accept writes for %.2f s, another may begin after %.2f s", last, first)
	}
	if election.RenewEvery+election.RequestTimeout > election.RenewDeadline {
		t.Error("one renewal that gets no answer fences a primary")
	}
	if resource.LeaseDurationSeconds*time.Second != election.LeaseDuration {
		t.Error("a Lease that the operator makes has another duration")
	}
}

// TestSimulationRepeatsItself: without that no failure could be looked at twice.
func TestSimulationRepeatsItself(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		s := scenarioOf(seed)
		s.tracing = true
		_, first := simulate(t, s)
		_, second := simulate(t, s)
		if !slices.Equal(first, second) {
			t.Fatalf("seed %d went differently the second time", seed)
		}
	}
}
