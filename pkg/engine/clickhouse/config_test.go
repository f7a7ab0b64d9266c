// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newSpec is a spec with the defaults of the API.
func newSpec(memory string) *v1alpha1.DatabaseClusterSpec {
	return &v1alpha1.DatabaseClusterSpec{
		Engine:     v1alpha1.EngineClickHouse,
		Version:    "25.8",
		Members:    3,
		Durability: v1alpha1.DurabilityMajority,
		Storage:    v1alpha1.StorageSpec{Size: resource.MustParse("10Gi")},
		Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse(memory),
		}},
		Network: v1alpha1.NetworkSpec{TLS: v1alpha1.TLSSpec{Mode: v1alpha1.TLSRequired}},
	}
}

// p makes parameters of names and values in turn.
func p(pairs ...string) map[string]v1alpha1.ParameterValue {
	parameters := map[string]v1alpha1.ParameterValue{}
	for pair := range slices.Chunk(pairs, 2) {
		parameters[pair[0]] = v1alpha1.ParameterValue(pair[1])
	}
	return parameters
}

// builds are one of each dialect.
var builds = []string{oldBuild, newBuild}

// TestFilesGolden: all that a member and a keeper of two shards with three members are given.
func TestFilesGolden(t *testing.T) {
	t.Parallel()
	for _, build := range builds {
		plan := planOf(build, 2, 3, 3)
		server, err := ServerFiles(plan, "orders-db-1-2", own)
		must(t, err)
		keeper, err := KeeperFiles(plan, "orders-db-keeper-1")
		must(t, err)
		compareGolden(t, build+"-member.golden", joined(server))
		compareGolden(t, build+"-keeper.golden", joined(keeper))
	}
}

// joined writes files one after the other, by name.
func joined(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.WriteString("==> " + name + "\n" + files[name])
	}
	return b.String()
}

// compareGolden compares a text with a golden file.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("differs from %s; if it should, run with -update (-want +got):\n%s", path, d)
	}
}

func TestConfigureIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, build := range builds {
		spec := newSpec("1Gi")
		spec.Parameters = p("max_threads", "4", "max_connections", "300", "merge_tree.parts_to_throw_insert", "600")
		first := Engine{}.Configure(spec, build)
		for range 20 {
			if d := cmp.Diff(first, Engine{}.Configure(spec, build)); d != "" {
				t.Fatalf("the same spec was configured otherwise:\n%s", d)
			}
		}
	}
}

// configured are the settings of all files of a spec, by file and key.
func configured(t *testing.T, spec *v1alpha1.DatabaseClusterSpec, build string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for name, content := range (Engine{}).Configure(spec, build) {
		if strings.HasSuffix(name, ".xml") {
			read, err := ParseConfig(content)
			must(t, err)
			all[name] = read
		}
	}
	return all
}

// TestConfigureOverlay: what the spec says reaches the file that it belongs to, and replaces what was computed.
func TestConfigureOverlay(t *testing.T) {
	t.Parallel()
	const quorum = "profiles.application.insert_quorum"
	for name, tc := range map[string]struct {
		change           func(*v1alpha1.DatabaseClusterSpec)
		file, key        string
		wantOld, wantNew string
	}{
		"majority of three": {
			func(*v1alpha1.DatabaseClusterSpec) {}, UsersFile, quorum, "2", "auto",
		},
		"majority of one": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Members = 1 }, UsersFile, quorum, "", "",
		},
		"relaxed": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Durability = v1alpha1.DurabilityRelaxed }, UsersFile, quorum, "", "",
		},
		"a setting of queries": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p("Max_Memory_Usage", "1000000") },
			UsersFile, "profiles.default.max_memory_usage", "1000000", "1000000",
		},
		"a setting of the server": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p("mark_cache_size", "1000000") },
			ConfigFile, "mark_cache_size", "1000000", "1000000",
		},
		"a setting of tables": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p("merge_tree.parts_to_throw_insert", "600") },
			ConfigFile, "merge_tree.parts_to_throw_insert", "600", "600",
		},
		"a pool, of the server": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p("background_pool_size", "5") },
			ConfigFile, "background_pool_size", "", "5",
		},
		"a pool, of the profile": {
			func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p("background_pool_size", "5") },
			UsersFile, "profiles.default.background_pool_size", "5", "",
		},
		"few CPUs": {
			func(s *v1alpha1.DatabaseClusterSpec) {
				s.Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2500m")}
			}, UsersFile, "profiles.default.max_threads", "3", "3",
		},
		"a plain port": {func(*v1alpha1.DatabaseClusterSpec) {}, ConfigFile, "tcp_port", "9000", ""},
	} {
		for build, want := range map[string]string{oldBuild: tc.wantOld, newBuild: tc.wantNew} {
			spec := newSpec("4Gi")
			tc.change(spec)
			if got := configured(t, spec, build)[tc.file][tc.key]; got != want {
				t.Errorf("%s, %s: %s is %q, want %q", name, build, tc.key, got, want)
			}
		}
	}
}

// TestEveryParameterIsReadBack: whatever a user sets that is not refused stands in the file as it is.
func TestEveryParameterIsReadBack(t *testing.T) {
	t.Parallel()
	spec := newSpec("4Gi")
	spec.Parameters = p("format_csv_delimiter", `<"&'>`, "totals_mode", "a]]>b", "merge_tree.x", " 1 ")
	if errs := (Engine{}).Validate(spec); len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	files := configured(t, spec, newBuild)
	for key, want := range map[string]string{
		"profiles.default.format_csv_delimiter": `<"&'>`, "profiles.default.totals_mode": "a]]>b",
	} {
		if got := files[UsersFile][key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := files[ConfigFile]["merge_tree.x"]; got != " 1 " {
		t.Errorf("merge_tree.x is %q", got)
	}
}

// TestMemory is the table of doc.go.
func TestMemory(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		memory                               string
		least, server, marks, blocks, oldAll int64
	}{
		{"256Mi", 256 * mib, 172, 32, 16, 124},
		{"1Gi", gib, 864, 128, 64, 672},
		{"4Gi", gib, 3628, 512, 256, 2860},
		{"64Gi", gib, 58924, 5120, 4096, 49708},
	} {
		c := capacityOf(newSpec(tc.memory).Resources, tc.least)
		got := []int64{c.server() / mib, c.marks() / mib, c.blocks() / mib, c.queries() / mib}
		if d := cmp.Diff([]int64{tc.server, tc.marks, tc.blocks, tc.oldAll}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.memory, d)
		}
		if c.server() > c.memory-ownMemory || c.query(c.server()) > c.server() || spill(c.query(c.server())) <= 0 {
			t.Errorf("%s: more than there is", tc.memory)
		}
	}
}
