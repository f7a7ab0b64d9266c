// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	set := func(pairs ...string) func(*v1alpha1.DatabaseClusterSpec) {
		return func(s *v1alpha1.DatabaseClusterSpec) { s.Parameters = p(pairs...) }
	}
	version := func(v string) func(*v1alpha1.DatabaseClusterSpec) {
		return func(s *v1alpha1.DatabaseClusterSpec) { s.Version = v }
	}
	for name, tt := range map[string]struct {
		change func(*v1alpha1.DatabaseClusterSpec)
		want   string // a part of what is said against it; "" where it is good
	}{
		"the default":     {func(*v1alpha1.DatabaseClusterSpec) {}, ""},
		"a prefix":        {version("8"), ""},
		"the oldest":      {version("6.0.25"), ""},
		"older":           {version("5.0.31"), `spec.version: Invalid value: "5.0.31": AtlasDB runs MongoDB 6.0, 7.0, 8.0`},
		"a rapid release": {version("7.3.1"), "spec.version"},
		"no version":      {version("latest"), "spec.version"},
		"shards": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Shards = new(int32(2))
		}, "spec.shards: Unsupported value: 2: "},
		"without TLS": {func(s *v1alpha1.DatabaseClusterSpec) {
			s.Network.TLS.Mode = v1alpha1.TLSPreferred
		}, `spec.network.tls.mode: Unsupported value: "Preferred": supported values: "Required"`},
		"a live parameter":  {set("cursorTimeoutMillis", "300000", "notablescan", "true"), ""},
		"an option":         {set("net.maxIncomingConnections", "2000", "operationProfiling.mode", "slowOp"), ""},
		"no number":         {set("cursorTimeoutMillis", "soon"), `"soon": allowed is a whole number from 1 to`},
		"too few":           {set("net.maxIncomingConnections", "9"), "from 10 to"},
		"no flag":           {set("notablescan", "on"), `"on": allowed are true and false`},
		"no word":           {set("operationProfiling.mode", "some"), "allowed are off, slowOp, all"},
		"no fraction":       {set("operationProfiling.slowOpSampleRate", "NaN"), "allowed is a number from 0 to 1"},
		"another case":      {set("cursortimeoutmillis", "1"), "close to it are cursorTimeoutMillis"},
		"a name like one":   {set("noTablescans", "true"), "close to it are notablescan"},
		"a name like none":  {set("work_mem", "16MB"), "allowed are allowDiskUseByDefault"},
		"a port":            {set("net.port", "1"), "spec.parameters[net.port]: Forbidden: the members' addresses"},
		"encryption":        {set("net.tls.mode", "disabled"), "Forbidden: encryption is AtlasDB's"},
		"access":            {set("security.authorization", "disabled"), "Forbidden: the users are AtlasDB's"},
		"scripts":           {set("security.javascriptEnabled", "true"), ""},
		"files":             {set("storage.dbPath", "/tmp"), "Forbidden: AtlasDB decides where files are"},
		"replication":       {set("replication.replSetName", "x"), "Forbidden: AtlasDB runs the replication"},
		"the oplog's size":  {set("replication.oplogSizeMB", "990"), "storage.oplogMinRetentionHours says"},
		"the log":           {set("systemLog.destination", "file"), "Forbidden: the process is the agent's"},
		"a cache that fits": {set(cacheSize, "0.75"), ""},
		"one that does not": {set(cacheSize, "0.76"), "a member has 1024Mi of memory: allowed is from 0.25 to 0.75, in GB"},
		"too little memory": {limit("511Mi"),
			`spec.resources.limits[memory]: Invalid value: "511Mi": MongoDB needs at least 512Mi`},
		"the least": {limit("512Mi"), ""},
	} {
		spec := newSpec("1Gi")
		tt.change(spec)
		errs := Engine{}.Validate(spec)
		switch said := errs.ToAggregate(); {
		case tt.want == "" && said != nil:
			t.Errorf("%s: %v", name, said)
		case tt.want != "" && (said == nil || !strings.Contains(said.Error(), tt.want)):
			t.Errorf("%s: %v; want something with %q", name, said, tt.want)
		}
	}
}

func limit(memory string) func(*v1alpha1.DatabaseClusterSpec) {
	return func(s *v1alpha1.DatabaseClusterSpec) {
		s.Resources.Limits[corev1.ResourceMemory] = resource.MustParse(memory)
	}
}

// TestShardsAreNotBuilt: what AtlasDB does not do is told apart from what is wrong.
func TestShardsAreNotBuilt(t *testing.T) {
	t.Parallel()
	spec := newSpec("1Gi")
	spec.Shards = new(int32(1))
	errs := Engine{}.Validate(spec)
	if len(errs) != 1 || errs[0].Type != field.ErrorTypeNotSupported || errs[0].Field != "spec.shards" {
		t.Errorf("%v", errs)
	}
}

// TestExamplesAreGood: a user who applies one gets a database.
func TestExamplesAreGood(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../artifacts/examples/mongodb/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, and no examples", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c v1alpha1.DatabaseCluster
		if err := yaml.UnmarshalStrict(content, &c); err != nil {
			t.Fatal(err)
		}
		if errs := (Engine{}).Validate(&c.Spec); len(errs) > 0 {
			t.Errorf("%s: %v", file, errs.ToAggregate())
		}
	}
}
