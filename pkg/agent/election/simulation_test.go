// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// replayVariable names the environment variable that holds the seed of one schedule to be played and told.
const replayVariable = "ATLASDB_SIMULATION_SEED"

// TestSimulation plays schedules by seed. A failure says how to see it again.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if seed, err := strconv.ParseUint(os.Getenv(replayVariable), 10, 64); err == nil {
		replay(t, scenarioOf(seed))
		return
	}
	shards := uint64(runtime.GOMAXPROCS(0))
	for shard := range shards {
		t.Run(strconv.FormatUint(shard, 10), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < schedules; seed += shards {
				if wrong, _ := simulate(t, scenarioOf(seed)); wrong != "" {
					replay(t, scenarioOf(seed))
					return
				}
			}
		})
	}
}

// replay plays a scenario again and tells what happens.
func replay(t *testing.T, s scenario) {
	t.Helper()
	s.tracing = true
	wrong, trace := simulate(t, s)
	t.Logf("%+v\n%s", s, strings.Join(trace, "\n"))
	if wrong != "" {
		t.Errorf("seed %d: %s\nSee it again: %s=%d go test -run TestSimulation ./pkg/agent/election",
			s.seed, wrong, replayVariable, s.seed)
	}
}
