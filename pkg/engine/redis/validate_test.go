// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// parameterCases are parameters, and a part of what is said against them; "" where they are good.
var parameterCases = map[string]struct {
	parameters map[string]v1alpha1.ParameterValue
	want       string
}{
	"none":                        {nil, ""},
	"an ordinary one":             {p("timeout", "300"), ""},
	"upper case":                  {p("Timeout", "300", "MAXMEMORY-POLICY", "allkeys-lru"), ""},
	"one name in two cases":       {p("Timeout", "1", "timeout", "2"), `the same parameter as "Timeout"`},
	"a name like one":             {p("maxmemory-polcy", "allkeys-lru"), "close to it are maxmemory-policy"},
	"a part of a name":            {p("slowlog", "1"), "close to it are slowlog-log-slower-than, slowlog-max-len"},
	"a name like none":            {p("work_mem", "16MB"), "allowed are acllog-max-len, active-expire-effort"},
	"a name of several words":     {p("timeout 1\nport", "1"), "no setting of Redis that AtlasDB offers"},
	"a port":                      {p("port", "6380"), "spec.parameters[port]: Forbidden: the members' addresses"},
	"in capitals":                 {p("PORT", "6380"), "spec.parameters[PORT]: Forbidden"},
	"encryption":                  {p("tls-protocols", "TLSv1"), "Forbidden: encryption is AtlasDB's"},
	"a password":                  {p("requirepass", "x"), "Forbidden: the users are AtlasDB's"},
	"a module":                    {p("loadmodule", "/tmp/x.so"), "Forbidden: no code"},
	"a command renamed":           {p("rename-command", `FLUSHALL ""`), "Forbidden"},
	"a protection":                {p("enable-debug-command", "yes"), "Forbidden"},
	"an include":                  {p("include", "/etc/passwd"), "Forbidden: AtlasDB decides where files are"},
	"replication":                 {p("replicaof", "a 1"), "Forbidden: AtlasDB runs the replication"},
	"its former name":             {p("slave-read-only", "no"), "Forbidden: AtlasDB runs the replication"},
	"durability":                  {p("min-replicas-to-write", "0"), "Forbidden: spec.durability"},
	"persistence":                 {p("save", ""), "Forbidden: spec.redis.persistence"},
	"cores":                       {p("server_cpulist", "0-1"), "Forbidden"},
	"no flag":                     {p("activerehashing", "on"), `Invalid value: "on": allowed are yes, no`},
	"no number":                   {p("timeout", "soon"), `"soon": allowed is a whole number from 0`},
	"too large":                   {p("hz", "501"), "from 1 to 500"},
	"no policy":                   {p("maxmemory-policy", "lru"), "allowed are noeviction, allkeys-lru"},
	"never flushed":               {p("appendfsync", "no"), "allowed are everysec, always"},
	"memory of Kubernetes":        {p("maxmemory", "100Mi"), "a number of bytes, or one with a unit: k, kb"},
	"memory below zero":           {p("maxmemory", "-1"), "allowed is from 1mb"},
	"no limit":                    {p("maxmemory", "0"), "allowed is from 1mb"},
	"more than fits anywhere":     {p("maxmemory", "99999999999999gb"), "allowed is from 1mb"},
	"a line feed":                 {p("notify-keyspace-events", "K\nport 1"), "allowed are the letters"},
	"clients by share":            {p("maxmemory-clients", "10%"), ""},
	"more than all":               {p("maxmemory-clients", "110%"), "from 0% to 100%"},
	"limits for clients":          {p(outputLimits, "pubsub 64mb 16mb 60 normal 0 0 0"), ""},
	"limits for replicas":         {p(outputLimits, "replica 0 0 0"), `allowed are "normal" and "pubsub"`},
	"limits in part":              {p(outputLimits, "pubsub 64mb"), `for instance "pubsub 64mb 16mb 60"`},
	"limits for nobody":           {p(outputLimits, ""), `allowed are "normal" and "pubsub"`},
	"as much as there is":         {p("maxmemory", "832mb"), ""},
	"more than there is":          {p("maxmemory", "833mb"), "a member has 1024Mi of memory: allowed is from 1mb to 832"},
	"more than there is, exact":   {p("maxmemory", "872415233"), "from 554mb on a snapshot may not fit"},
	"several errors are one list": {p("port", "1", "hz", "x"), "from 1 to 500"},
}

func TestValidateParameters(t *testing.T) {
	t.Parallel()
	for name, tc := range parameterCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec("1Gi")
			spec.Parameters = tc.parameters
			expect(t, Engine{}.Validate(spec), tc.want)
		})
	}
}

func TestValidateSpec(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*v1alpha1.DatabaseClusterSpec)
		want   string
	}{
		"the default": {func(*v1alpha1.DatabaseClusterSpec) {}, ""},
		"an old version": {func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "6.2" },
			`spec.version: Invalid value: "6.2": Redis 7.0 is the oldest`},
		"no version":    {func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "x" }, "spec.version"},
		"a new version": {func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "8.2.1" }, ""},
		"two shards": {func(s *v1alpha1.DatabaseClusterSpec) { s.Shards = new(int32(2)) },
			"spec.shards: Invalid value: 2"},
		"without TLS": {func(s *v1alpha1.DatabaseClusterSpec) { s.Network.TLS.Mode = v1alpha1.TLSPreferred },
			`spec.network.tls.mode: Unsupported value: "Preferred": supported values: "Required"`},
		"persistence": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Redis = &v1alpha1.RedisSpec{Persistence: "Sometimes"}
		}, `spec.redis.persistence: Unsupported value: "Sometimes": supported values: "AOF", "None", "RDB"`},
		"too little requested": {func(s *v1alpha1.DatabaseClusterSpec) { ask(s, "127Mi", "") },
			`spec.resources.requests[memory]: Invalid value: "127Mi": Redis needs at least 128Mi`},
		"the limit is too low": {func(s *v1alpha1.DatabaseClusterSpec) { ask(s, "64Mi", "100Mi") },
			`spec.resources.limits[memory]: Invalid value: "100Mi"`},
		"the least": {func(s *v1alpha1.DatabaseClusterSpec) { ask(s, "128Mi", "") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec("1Gi")
			tc.change(spec)
			expect(t, Engine{}.Validate(spec), tc.want)
		})
	}
}

// ask gives a spec a request, and a limit where there is one.
func ask(spec *v1alpha1.DatabaseClusterSpec, request, limit string) {
	spec.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(request)}
	if limit != "" {
		spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}
	}
}

// expect wants errors that hold a text, or none for "".
func expect(t *testing.T, errs field.ErrorList, want string) {
	t.Helper()
	switch {
	case want == "" && len(errs) > 0:
		t.Errorf("want no error, got %v", errs)
	case want != "" && len(errs) == 0:
		t.Errorf("want %q, got no error", want)
	case want != "" && !strings.Contains(errs.ToAggregate().Error(), want):
		t.Errorf("want %q, got %v", want, errs)
	}
}

// TestOwnedIsOwned: no setting that AtlasDB writes can be set by a user too, unless it is meant to be overridden.
func TestOwnedIsOwned(t *testing.T) {
	t.Parallel()
	overridden := map[string]bool{
		"maxmemory": true, "maxmemory-policy": true, "repl-backlog-size": true, "appendfsync": true, "tcp-keepalive": true,
		outputLimits: true,
	}
	for name := range parametersOf(newSpec("1Gi")) {
		_, owned := ownedParameters.Reason(name)
		if _, offered := directives[name]; owned == offered || offered != overridden[name] {
			t.Errorf("%s: owned %t, offered to users %t", name, owned, offered)
		}
	}
	for name := range directives {
		if why, owned := ownedParameters.Reason(name); owned {
			t.Errorf("%s is offered to users, and refused: %s", name, why)
		}
	}
}

// FuzzValidate: a spec that is found good is configured, read by the server's rules as the user wrote it, and keeps
// what AtlasDB owns.
func FuzzValidate(f *testing.F) {
	f.Add("timeout", "10")
	f.Add("MaxMemory", "100mb")
	f.Add("port", "1")
	f.Add(outputLimits, "pubsub 1mb 1mb 1")
	f.Add("notify-keyspace-events", "KEA")
	f.Add("a b\nc", "d")
	f.Fuzz(func(t *testing.T, name, value string) {
		spec := newSpec("1Gi")
		spec.Parameters = p(name, value)
		if len(Engine{}.Validate(spec)) > 0 {
			return
		}
		got, err := readConfig(Engine{}.Configure(spec, "7.0.15")[ConfigFile])
		if err != nil {
			t.Fatal(err)
		}
		lower := strings.ToLower(name)
		if read := strings.Join(got[lower], " "); read != value && lower != outputLimits {
			t.Errorf("%s: %q was read back as %q", name, value, read)
		}
		for _, s := range fixedSettings {
			if _, owned := ownedParameters.Reason(s.name); owned && strings.Join(got[s.name], " ") != s.value {
				t.Errorf("%s is %q, AtlasDB's is %q", s.name, got[s.name], s.value)
			}
		}
	})
}
