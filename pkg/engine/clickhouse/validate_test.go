// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func memoryLimit(quantity string) v1alpha1.ResourcesSpec {
	return v1alpha1.ResourcesSpec{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}}
}

type dbSpec = v1alpha1.DatabaseClusterSpec

// judged are specs, and what is said of them: nothing of those that are good.
var judged = map[string]struct {
	change      func(*dbSpec)
	field, says string
}{
	"the defaults": {func(*dbSpec) {}, "", ""},
	"the old version": {
		func(s *dbSpec) { s.Version, s.Resources = "18.16.1", memoryLimit("256Mi") }, "", "",
	},
	"a version between": {func(s *dbSpec) { s.Version = "21.3" }, "spec.version", "24.8 and later, and 18.16"},
	"plain text": {
		func(s *dbSpec) { s.Network.TLS.Mode = v1alpha1.TLSPreferred }, "spec.network.tls.mode", `"Required"`,
	},
	"two keepers": {
		func(s *dbSpec) { s.ClickHouse = &v1alpha1.ClickHouseSpec{Keeper: v1alpha1.KeeperSpec{Members: 2}} },
		"spec.clickhouse.keeper.members", "1, 3 and 5",
	},
	"a small keeper": {
		func(s *dbSpec) {
			s.ClickHouse = &v1alpha1.ClickHouseSpec{Keeper: v1alpha1.KeeperSpec{Resources: memoryLimit("64Mi")}}
		}, "spec.clickhouse.keeper.resources.limits[memory]", "at least 256Mi",
	},
	"a small server":  {func(s *dbSpec) { s.Resources = memoryLimit("512Mi") }, "spec.resources.limits[memory]", "1024Mi"},
	"a small request": {func(s *dbSpec) { s.Resources = newSpec("100Mi").Resources }, "", ""},
	"a port": {
		func(s *dbSpec) { s.Parameters = p("tcp_port", "9000") }, "spec.parameters[tcp_port]", "ports and addresses",
	},
	"a user": {
		func(s *dbSpec) { s.Parameters = p("users.root.password", "") }, "spec.parameters[users.root.password]", "users",
	},
	"the quorum": {
		func(s *dbSpec) { s.Parameters = p("Insert_Quorum", "1") }, "spec.parameters[Insert_Quorum]", "spec.durability",
	},
	"another section": {
		func(s *dbSpec) { s.Parameters = p("compression.case.method", "zstd") }, "spec.parameters", "one dot",
	},
	"an unknown section": {func(s *dbSpec) { s.Parameters = p("graphite.host", "x") }, "spec.parameters", "merge_tree.*"},
	"another setting": {
		func(s *dbSpec) { s.Parameters = p("x", "${interserver_http_credentials.password}") }, "spec.parameters[x]", "${",
	},
	"no number": {
		func(s *dbSpec) { s.Parameters = p("max_connections", "many") }, "spec.parameters[max_connections]",
		"a whole number from 16 to 65536",
	},
	"no level": {
		func(s *dbSpec) { s.Parameters = p("logger.level", "loud") }, "spec.parameters[logger.level]", "information",
	},
	"no time zone": {
		func(s *dbSpec) { s.Parameters = p("timezone", "../x") }, "spec.parameters[timezone]", "Europe/Berlin",
	},
	"twice": {
		func(s *dbSpec) { s.Parameters = p("max_threads", "1", "MAX_THREADS", "2") }, "spec.parameters[max_threads]", "case",
	},
	"too much memory": {
		func(s *dbSpec) {
			s.Resources, s.Parameters = memoryLimit("1Gi"), p("max_server_memory_usage", "2000000000")
		}, "spec.parameters[max_server_memory_usage]", "1024Mi",
	},
	"not in the old version": {
		func(s *dbSpec) {
			s.Version, s.Parameters = "18.16.1", p("max_server_memory_usage", "100000000")
		}, "spec.parameters[max_server_memory_usage]", "this version",
	},
}

// TestValidate: each error names the field, and what is allowed.
func TestValidate(t *testing.T) {
	t.Parallel()
	for name, tc := range judged {
		s := newSpec("4Gi")
		tc.change(s)
		errs := Engine{}.Validate(s)
		said := fmt.Sprint(errs.ToAggregate())
		switch {
		case tc.field == "" && len(errs) > 0, tc.field != "" && len(errs) != 1:
			t.Errorf("%s: %d errors: %s", name, len(errs), said)
		case !strings.Contains(said, tc.field) || !strings.Contains(said, tc.says):
			t.Errorf("%s: got %q, want %s and %q", name, said, tc.field, tc.says)
		}
	}
}

// TestOwnedParametersAreRefused: no pattern is so that it never holds.
func TestOwnedParametersAreRefused(t *testing.T) {
	t.Parallel()
	for reason, patterns := range ownedParameters {
		for _, pattern := range patterns {
			if why, is := ownedParameters.Reason(strings.TrimSuffix(pattern, "*")); !is || why != reason {
				t.Errorf("%s: %q", pattern, why)
			}
		}
	}
	for name := range serverParameters {
		if why, is := ownedParameters.Reason(name); is {
			t.Errorf("%s is offered and refused: %s", name, why)
		}
	}
}

func TestTraits(t *testing.T) {
	t.Parallel()
	spec := newSpec("1Gi")
	if e := (Engine{}).Topology(spec).Ensemble; !e.Needed || e.Members != 3 || e.Storage.String() != "5Gi" {
		t.Errorf("three members have %+v", e)
	}
	spec.Members = 1
	if e := (Engine{}).Topology(spec).Ensemble; e == nil || e.Needed {
		t.Errorf("one member has %+v", e)
	}
	v := (Engine{}).Verifier("uid", "app", "x")
	if !verifierForm.MatchString(v) || v == (Engine{}).Verifier("uid", "app", "y") {
		t.Errorf("the verifier is %s", v)
	}
}
