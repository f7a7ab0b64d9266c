// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newSpec is a spec with the defaults of the API.
func newSpec(memory, cpu, storage string) *v1alpha1.DatabaseClusterSpec {
	return &v1alpha1.DatabaseClusterSpec{
		Engine:     v1alpha1.EnginePostgreSQL,
		Version:    "17.6",
		Members:    3,
		Durability: v1alpha1.DurabilityMajority,
		Storage:    v1alpha1.StorageSpec{Size: resource.MustParse(storage)},
		Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
		}},
		Network: v1alpha1.NetworkSpec{TLS: v1alpha1.TLSSpec{Mode: v1alpha1.TLSRequired}},
	}
}

// sizes are members from a toy to a large machine.
var sizes = []struct{ memory, cpu, storage string }{
	{"256Mi", "50m", "1Gi"},
	{"512Mi", "100m", "10Gi"},
	{"1Gi", "1", "20Gi"},
	{"4Gi", "2", "100Gi"},
	{"16Gi", "6500m", "1Ti"},
	{"64Gi", "32", "8Ti"},
}

func TestConfigureGolden(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		t.Run(size.memory, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(size.memory, size.cpu, size.storage)
			if errs := (Engine{}).Validate(spec); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			compareGolden(t, size.memory+".golden", Engine{}.Configure(spec, "17.6"))
		})
	}
}

// compareGolden compares files, one after the other with their names, with a golden file.
func compareGolden(t *testing.T, name string, files map[string]string) {
	t.Helper()
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(files)) {
		b.WriteString("==> " + file + " <==\n" + files[file])
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("differs from %s; if it should, run with -update (-want +got):\n%s", path, d)
	}
}

func TestConfigureIsDeterministic(t *testing.T) {
	t.Parallel()
	spec := newSpec("1Gi", "1", "20Gi")
	spec.Parameters = p("work_mem", "8MB", "pg_stat_statements.max", "100", "jit", "on")
	first := Engine{}.Configure(spec, "17.6")
	for range 20 {
		if d := cmp.Diff(first, Engine{}.Configure(spec, "17.6")); d != "" {
			t.Fatalf("the same spec was configured otherwise:\n%s", d)
		}
	}
}

func TestConfigureOverlay(t *testing.T) {
	t.Parallel()
	plain := newSpec("4Gi", "2", "100Gi")
	limited := newSpec("4Gi", "2", "100Gi")
	limited.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Gi")}
	silent := newSpec("4Gi", "2", "100Gi")
	silent.Resources.Requests = nil
	with := func(parameters map[string]v1alpha1.ParameterValue) *v1alpha1.DatabaseClusterSpec {
		spec := plain.DeepCopy()
		spec.Parameters = parameters
		return spec
	}
	cases := map[string]struct {
		spec  *v1alpha1.DatabaseClusterSpec
		build string
		want  map[string]string // "" for a parameter that must be absent
	}{
		"computed":               {plain, "17.6", map[string]string{"shared_buffers": "1024MB", "work_mem": "10MB"}},
		"the limit counts":       {limited, "17.6", map[string]string{"shared_buffers": "2048MB"}},
		"no resources at all":    {silent, "17.6", map[string]string{"shared_buffers": "128MB"}},
		"only 17 knows it":       {plain, "17.6", map[string]string{"allow_alter_system": "off"}},
		"15 does not know it":    {plain, "15.20", map[string]string{"allow_alter_system": ""}},
		"18 knows what 17 knows": {plain, "18.1", map[string]string{"allow_alter_system": "off"}},
		"the user has the last word": {
			with(p("Shared_Buffers", "512MB", "jit", "on", "auto_explain.log_format", "json")), "17.6",
			map[string]string{"shared_buffers": "512MB", "jit": "on", "auto_explain.log_format": "json"},
		},
		"work_mem follows the user's connections": {
			with(p("max_connections", "400")), "17.6",
			map[string]string{"max_connections": "400", "work_mem": "2MB"},
		},
		"work_mem follows the user's cache": {
			with(p("shared_buffers", "3GB")), "17.6",
			map[string]string{"work_mem": "3MB"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseConfig(Engine{}.Configure(tc.spec, tc.build)[ConfigFile])
			if err != nil {
				t.Fatal(err)
			}
			for parameter, want := range tc.want {
				if got[parameter] != want {
					t.Errorf("%s is %q, want %q", parameter, got[parameter], want)
				}
			}
		})
	}
}

// TestResizeKeepsStandbysRunning: what a standby may not have lower than its primary is the same in every size.
func TestResizeKeepsStandbysRunning(t *testing.T) {
	t.Parallel()
	var first map[string]string
	for _, size := range sizes {
		got := parametersOf(newSpec(size.memory, size.cpu, size.storage), "17.6")
		critical := map[string]string{}
		for _, name := range []string{
			"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
			"max_locks_per_transaction",
		} {
			critical[name] = got[name]
		}
		if first == nil {
			first = critical
		}
		if d := cmp.Diff(first, critical); d != "" {
			t.Errorf("%s differs from %s:\n%s", size.memory, sizes[0].memory, d)
		}
	}
}

func TestHBA(t *testing.T) {
	t.Parallel()
	const required, preferred = "hostssl all all all scram-sha-256\n", "host all all all scram-sha-256\n"
	for mode, want := range map[v1alpha1.TLSMode]string{v1alpha1.TLSRequired: required, v1alpha1.TLSPreferred: preferred} {
		got := renderHBA(mode)
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("%s: want a line %q in\n%s", mode, want, got)
		}
		if strings.Contains(got, "trust") || strings.Contains(got, "md5") {
			t.Errorf("%s: a weak method in\n%s", mode, got)
		}
		// The first line that fits decides, so those that are for members alone stand before everybody's.
		if strings.Index(got, "reject") > strings.Index(got, want) {
			t.Errorf("%s: the reserved names must be refused before anybody is let in:\n%s", mode, got)
		}
	}
}

// FuzzRenderConfig: whatever a value holds, the server reads it back as it was, and nothing beside it.
func FuzzRenderConfig(f *testing.F) {
	for _, value := range []string{
		"", " ", "16MB", "'", "''", `\`, `\'`, `\\'`, "a\nfsync = off", "a\r\nb", "# no comment", "a'\nfsync = 'off",
		"$(id)", "include '/etc/passwd'", "\t", "\x7f", "ä€😀", `\n`, `\012`, "\x011", "%m [%p] ",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "\x00") || !utf8.ValidString(value) {
			t.Skip("no value of the API holds this")
		}
		want := map[string]string{"a.first": value, "work_mem": value, "zz": "end"}
		got, err := parseConfig(RenderConfig(want))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("read back otherwise (-want +got):\n%s", d)
		}
	})
}

func BenchmarkConfigure(b *testing.B) {
	spec := newSpec("4Gi", "2", "100Gi")
	for b.Loop() {
		Engine{}.Configure(spec, "17.6")
	}
}
