// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"os"
	"testing"
)

// TestResultsWithoutAnEngineArePostgreSQLs reads a file that was begun when there was no other engine.
func TestResultsWithoutAnEngineArePostgreSQLs(t *testing.T) {
	t.Parallel()
	r := resultsIn(t.TempDir())
	must(t, os.WriteFile(r.path, []byte(`{"fault":"switchover","seed":1,"acked":7}`+"\n"), 0o644))
	must(t, r.append(result{Engine: redis.title(), Fault: "switchover", Seed: 1, Acked: 8}))
	all, err := r.read()
	must(t, err)
	if all[id{postgresql.title(), "switchover", 1}].Acked != 7 || all[id{redis.title(), "switchover", 1}].Acked != 8 {
		t.Errorf("read %v", all)
	}
}
