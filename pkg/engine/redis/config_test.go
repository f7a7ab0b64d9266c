// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

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
		Engine:     v1alpha1.EngineRedis,
		Version:    "7.0",
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

// sizes are members from a toy to a large machine.
var sizes = []string{"128Mi", "512Mi", "1Gi", "4Gi", "64Gi"}

func TestConfigureGolden(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(size)
			if errs := (Engine{}).Validate(spec); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			files := Engine{}.Configure(spec, "7.0.15")
			if len(files) != 1 {
				t.Errorf("files %v", slices.Sorted(maps.Keys(files)))
			}
			compareGolden(t, size+".golden", files[ConfigFile])
		})
	}
}

// compareGolden compares a text with a golden file.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("differs from %s; if it should, run with -update (-want +got):\n%s", path, d)
	}
}

func TestConfigureIsDeterministic(t *testing.T) {
	t.Parallel()
	spec := newSpec("1Gi")
	spec.Parameters = p("maxmemory-policy", "allkeys-lru", "timeout", "300", "hz", "20")
	first := Engine{}.Configure(spec, "7.0.15")
	for range 20 {
		if d := cmp.Diff(first, Engine{}.Configure(spec, "7.0.15")); d != "" {
			t.Fatalf("the same spec was configured otherwise:\n%s", d)
		}
	}
}

// TestConfigureOverlay: what the spec says reaches the file.
func TestConfigureOverlay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*v1alpha1.DatabaseClusterSpec)
		want   map[string]string
	}{
		"computed": {func(*v1alpha1.DatabaseClusterSpec) {}, map[string]string{
			"maxmemory": "580911104", "maxmemory-policy": "noeviction", "repl-backlog-size": "33554432",
			"appendonly": "yes", "save": "",
		}},
		"the limit counts": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}
		}, map[string]string{"maxmemory": "1207959552"}},
		"no resources at all": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Resources = v1alpha1.ResourcesSpec{}
		}, map[string]string{"maxmemory": "268435456"}},
		"snapshots": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Redis = &v1alpha1.RedisSpec{Persistence: v1alpha1.RedisPersistenceRDB}
		}, map[string]string{"appendonly": "no", "save": "3600 1 300 100 60 10000"}},
		"nothing on the disk": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Redis = &v1alpha1.RedisSpec{Persistence: v1alpha1.RedisPersistenceNone}
		}, map[string]string{"appendonly": "no", "save": ""}},
		"an empty block": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Redis = &v1alpha1.RedisSpec{}
		}, map[string]string{"appendonly": "yes"}},
		"the user has the last word": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Parameters = p("MaxMemory", "100mb", "maxmemory-policy", "allkeys-lru", "timeout", "10")
		}, map[string]string{"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru", "timeout": "10"}},
		"limits for clients stand beside those of replicas": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Parameters = p(outputLimits, "pubsub 64mb 16mb 60")
		}, map[string]string{outputLimits: "replica 134217728 67108864 60 pubsub 64mb 16mb 60"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec("1Gi")
			tc.change(spec)
			if errs := (Engine{}).Validate(spec); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			got, err := ParseConfig(Engine{}.Configure(spec, "7.0.15")[ConfigFile])
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

// TestTopologyChangesNoMemory: data that fits keeps fitting when members or persistence change.
func TestTopologyChangesNoMemory(t *testing.T) {
	t.Parallel()
	first := newSpec("1Gi")
	second := newSpec("1Gi")
	second.Members = 1
	second.Redis = &v1alpha1.RedisSpec{Persistence: v1alpha1.RedisPersistenceNone}
	if a, b := parametersOf(first)["maxmemory"], parametersOf(second)["maxmemory"]; a != b {
		t.Errorf("maxmemory is %s or %s", a, b)
	}
}

func TestMemberConf(t *testing.T) {
	t.Parallel()
	got := MemberConf("/run/redis/redis.conf", map[string]string{"replicaof": "a.b 6379", "masteruser": "x", "dir": "/a b"})
	want := fileHeader + `include "/run/redis/redis.conf"
dir "/a b"
masteruser "x"
replicaof "a.b" "6379"
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestParseConfigRefuses what RenderConfig cannot have written.
func TestParseConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"a b\n", "a \"b\n", "a \"b\" c\n", `a "b\"` + "\n"} {
		if got, err := ParseConfig(content); err == nil {
			t.Errorf("%q was read as %v", content, got)
		}
	}
}

// FuzzRenderConfig: whatever a value holds, it is read back as it was, and nothing beside it, by the server's rules and
// by ParseConfig.
func FuzzRenderConfig(f *testing.F) {
	for _, value := range []string{
		"", " ", "16mb", `"`, `""`, `\`, `\"`, `\\"`, "a\nappendonly no", "a\r\nb", "# no comment", "a\"\nsave \"", "'",
		"\t", "\x7f", "ä€😀", `\n`, `\x0a`, "\x011", "\xff", "a  b ", "\x00",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		want := map[string]string{"logfile": value, "zz": "end", "aa": ""}
		rendered := RenderConfig(want)
		got, err := ParseConfig(rendered)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("ParseConfig reads otherwise (-want +got):\n%s", d)
		}
		read, err := readConfig(rendered)
		if err != nil {
			t.Fatal(err)
		}
		if len(read) != len(want) || len(read["logfile"]) != 1 || read["logfile"][0] != value {
			t.Errorf("the server reads %q", read)
		}
	})
}

// TestSeveralArguments: a value of several words is several arguments where the server wants that, and one elsewhere.
func TestSeveralArguments(t *testing.T) {
	t.Parallel()
	read, err := readConfig(Engine{}.Configure(newSpec("1Gi"), "7.0.15")[ConfigFile])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"bind": "*|-::*", "save": "", "tls-protocols": "TLSv1.2 TLSv1.3", outputLimits: "replica|134217728|67108864|60",
	} {
		if got := strings.Join(read[name], "|"); got != want {
			t.Errorf("%s has the arguments %q, want %q", name, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	running := map[string]string{"timeout": "10", "hz": "20", "io-threads": "1", "maxmemory": "1", "tcp-backlog": "5"}
	wanted := map[string]string{"timeout": "10", "io-threads": "2", "maxmemory": "2", "tcp-backlog": "5", "loglevel": "debug"}
	live, restart := Changes(running, wanted)
	if d := cmp.Diff(map[string]string{"maxmemory": "2", "loglevel": "debug"}, live); d != "" {
		t.Errorf("live (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"hz", "io-threads"}, restart); d != "" {
		t.Errorf("restart (-want +got):\n%s", d)
	}
	if live, restart := Changes(wanted, wanted); len(live)+len(restart) > 0 {
		t.Errorf("nothing changed, yet %v and %v", live, restart)
	}
}
