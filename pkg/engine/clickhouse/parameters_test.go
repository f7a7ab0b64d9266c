// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestWaiting: what a running server does not take over, and nothing else, waits for a restart.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		parameters map[string]v1alpha1.ParameterValue
		old, now   []string
	}{
		"nothing":            {nil, nil, nil},
		"of queries":         {p("max_threads", "3", "max_memory_usage", "5000000"), nil, nil},
		"live of the server": {p("mark_cache_size", "1000000"), []string{"mark_cache_size"}, nil},
		"of connections":     {p("max_connections", "77"), []string{"max_connections"}, []string{"max_connections"}},
		"of threads": {
			p("background_pool_size", "5"), []string{"background_pool_size"}, []string{"background_pool_size"},
		},
		"of tables": {
			p("merge_tree.x", "1"), []string{"merge_tree.x"}, []string{"merge_tree.x"},
		},
		"of the log": {p("logger.level", "debug"), []string{"logger.level"}, []string{"logger.level"}},
		"two": {
			p("timezone", "Asia/Tokyo", "keep_alive_timeout", "9", "max_threads", "1"),
			[]string{"keep_alive_timeout", "timezone"}, []string{"keep_alive_timeout", "timezone"},
		},
	} {
		for build, want := range map[string][]string{oldBuild: tc.old, newBuild: tc.now} {
			spec := newSpec("4Gi")
			started := (Engine{}).Configure(spec, build)
			spec.Parameters = tc.parameters
			wanted := (Engine{}).Configure(spec, build)
			started[MemberFile], wanted[MemberFile] = "<x/>", "<x/>"
			for _, direction := range [][2]map[string]string{{started, wanted}, {wanted, started}} {
				got, err := dialectFor(build).Waiting(direction[0], direction[1])
				must(t, err)
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s: got %v, want %v", name, build, got, want)
				}
			}
		}
	}
}

// TestWaitingForTheOthers: the first keepers of a member are news that it only hears at its start.
func TestWaitingForTheOthers(t *testing.T) {
	t.Parallel()
	for build, want := range map[string][]string{
		oldBuild: {"distributed_ddl", "zookeeper"}, newBuild: {"distributed_ddl"},
	} {
		alone, err := ServerFiles(planOf(build, 1, 2, 0), "orders-db-0-0", own)
		must(t, err)
		together, err := ServerFiles(planOf(build, 1, 2, 3), "orders-db-0-0", own)
		must(t, err)
		got, err := dialectFor(build).Waiting(alone, together)
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", build, got, want)
		}
		// Another member more is no news that waits.
		more, err := ServerFiles(planOf(build, 1, 3, 3), "orders-db-0-0", own)
		must(t, err)
		more[UsersFile] = together[UsersFile]
		if got, err := dialectFor(build).Waiting(together, more); err != nil || len(got) > 0 {
			t.Errorf("%s: a new member waits for a restart: %v, %v", build, got, err)
		}
	}
}
