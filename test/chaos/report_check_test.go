// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"strings"
	"testing"
	"time"
)

func TestRenderTellsFiguresAndFailures(t *testing.T) {
	t.Parallel()
	all := map[id]result{}
	for _, r := range []result{
		{Engine: postgresql.title(), Fault: "cable-cut", Seed: 1, Gap: 8000, FormerLastAck: 4000},
		{Engine: postgresql.title(), Fault: "cable-cut", Seed: 2, Gap: 9000, FormerLastAck: 5100},
		{
			Engine: postgresql.title(), Fault: "cable-cut", Seed: 3, Gap: 12500, Lost: 2, LostFrom: -150, LostTo: 20,
			Failure: "2 lost",
		},
		{Engine: redis.title(), Fault: "engine-killed", Seed: 1, Gap: 400, Recovery: 1500},
		{Engine: mongoDB.title(), Fault: "switchover", Seed: 1, Gap: 300, Recovery: 1000},
	} {
		r.Began, r.Version = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), "v1"
		all[id{r.Engine, r.Fault, r.Seed}] = r
	}
	for _, test := range []struct {
		engine *engine
		wanted []string
	}{
		{postgresql, []string{
			"(`cable-cut`) | 3 | 9.00 s | **12.50 s** | 12.00 s | **5.10 s** | - | 0 | 2 (-0.15 to +0.02 s) | 0 | 0 | 1 |\n",
			"Measured 2026-11-23 by", "`cable-cut` seed 3 failed: 2 lost",
		}},
		{mongoDB, []string{"(`switchover`), simulated | 1 | 0.30 s"}},
		{redis, []string{"(`engine-killed`) | 1 | 0.40 s | 0.40 s | 1.50 s |  | 1.50 s | 0 | 0 | 0 | 0 | 0 |\n"}},
	} {
		t.Run(test.engine.name(), func(t *testing.T) {
			t.Parallel()
			table := render(test.engine, all)
			for _, wanted := range test.wanted {
				if !strings.Contains(table, wanted) {
					t.Errorf("no %q in\n%s", wanted, table)
				}
			}
		})
	}
}
