// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

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
	"none":                         {nil, ""},
	"an ordinary one":              {p("work_mem", "16MB"), ""},
	"an extension's":               {p("pg_stat_statements.track", "all"), ""},
	"an extension's, like ours":    {p("ssl_tools.mode", "x"), ""},
	"an empty value":               {p("search_path", ""), ""},
	"quotes and backslashes":       {p("log_hostname", `'; \ fsync=off`), ""},
	"upper case":                   {p("Work_Mem", "16MB"), ""},
	"one name in two cases":        {p("Work_Mem", "16MB", "work_mem", "8MB"), `the same parameter as "Work_Mem"`},
	"a dash":                       {p("work-mem", "16MB"), "spec.parameters[work-mem]: Invalid value"},
	"two dots":                     {p("a.b.c", "1"), "spec.parameters[a.b.c]: Invalid value"},
	"a space":                      {p("work mem", "1"), "Invalid value"},
	"a line feed in a name":        {p("a\nfsync", "off"), "Invalid value"},
	"a line feed in a value":       {p("work_mem", "1\nfsync=off"), "one line of UTF-8"},
	"NUL":                          {p("search_path", "a\x00b"), "one line of UTF-8"},
	"not UTF-8":                    {p("search_path", "\xff"), "one line of UTF-8"},
	"an include":                   {p("include", "/etc/passwd"), "[include]: Forbidden"},
	"durability":                   {p("fsync", "off"), "[fsync]: Forbidden: another value can lose"},
	"durability in capitals":       {p("FSYNC", "off"), "[FSYNC]: Forbidden"},
	"a command":                    {p("archive_command", "rm -rf /"), "Forbidden"},
	"encryption":                   {p("ssl_min_protocol_version", "TLSv1"), "Forbidden: encryption"},
	"the list is told":             {p("port", "1"), "archive_*, bonjour*, cluster_name"},
	"only to be read":              {p("data_checksums", "off"), "can only be read"},
	"not a size":                   {p("work_mem", "banana"), `[work_mem]: Invalid value: "banana": not a number`},
	"a unit of Kubernetes":         {p("work_mem", "16Mi"), `"Mi" is no unit of memory`},
	"a unit in lower case":         {p("work_mem", "16mb"), `"mb" is no unit of memory`},
	"a fraction":                   {p("work_mem", "1.5 MB"), ""},
	"too little":                   {p("work_mem", "1kB"), "allowed is from 64kB to 1024GB"},
	"more than fits anywhere":      {p("work_mem", "9999999999999999999TB"), "allowed is from"},
	"too few connections":          {p("max_connections", "3"), "allowed is from 20 to 10000"},
	"connections below zero":       {p("max_connections", "-1"), "allowed is from"},
	"connections with a unit":      {p("max_connections", "100MB"), "a number without a unit"},
	"fewer senders than AtlasDB's": {p("max_wal_senders", "2"), "allowed is from 16"},
	"a cache in pages":             {p("shared_buffers", "16384"), ""},
}

func TestValidateParameters(t *testing.T) {
	t.Parallel()
	for name, tc := range parameterCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec("512Mi", "1", "10Gi")
			spec.Parameters = tc.parameters
			expect(t, Engine{}.Validate(spec), tc.want)
		})
	}
}

func TestValidateMemory(t *testing.T) {
	t.Parallel()
	const path = "spec.resources.requests[memory]: Invalid value: "
	cases := map[string]struct {
		memory     string
		parameters map[string]v1alpha1.ParameterValue
		want       string
	}{
		"the least":                 {"219Mi", nil, ""},
		"one less":                  {"218Mi", nil, path + `"218Mi": PostgreSQL needs at least 219Mi`},
		"none":                      {"0", nil, "at least 219Mi"},
		"little, few connections":   {"128Mi", p("max_connections", "20"), ""},
		"too many connections":      {"512Mi", p("max_connections", "1000"), path + `"512Mi": PostgreSQL needs at least 141`},
		"many connections":          {"2Gi", p("max_connections", "1000"), ""},
		"the cache takes all":       {"512Mi", p("shared_buffers", "512MB"), "a member has 512Mi of memory"},
		"the cache takes all pages": {"512Mi", p("shared_buffers", "65536"), "a member has 512Mi of memory"},
		"the cache leaves little":   {"512Mi", p("shared_buffers", "400MB"), "PostgreSQL needs at least 564Mi"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(tc.memory, "1", "10Gi")
			spec.Parameters = tc.parameters
			expect(t, Engine{}.Validate(spec), tc.want)
		})
	}
}

func TestValidateVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"15": "", "17.6": "", "18": "", "14.9": `spec.version: Invalid value: "14.9": PostgreSQL 15 is the oldest`,
	} {
		spec := newSpec("1Gi", "1", "10Gi")
		spec.Version = version
		expect(t, Engine{}.Validate(spec), want)
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

// p makes parameters of names and values in turn.
func p(pairs ...string) map[string]v1alpha1.ParameterValue {
	parameters := map[string]v1alpha1.ParameterValue{}
	for i := 0; i < len(pairs); i += 2 {
		parameters[pairs[i]] = v1alpha1.ParameterValue(pairs[i+1])
	}
	return parameters
}

// TestValidateNamesTheLimit: where there is a limit, it is the limit that is too low.
func TestValidateNamesTheLimit(t *testing.T) {
	t.Parallel()
	spec := newSpec("64Mi", "1", "10Gi")
	spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")}
	errs := Engine{}.Validate(spec)
	if len(errs) != 1 || errs[0].Field != "spec.resources.limits[memory]" {
		t.Errorf("got %v", errs)
	}
}

// TestOwnedParametersAreRefused: no name that is refused reaches a file in another spelling.
func TestOwnedParametersAreRefused(t *testing.T) {
	t.Parallel()
	for _, patterns := range ownedParameters {
		for _, pattern := range patterns {
			for _, name := range []string{
				strings.TrimSuffix(pattern, "*"), strings.ToUpper(strings.TrimSuffix(pattern, "*")),
				strings.Replace(pattern, "*", "x", 1),
			} {
				spec := newSpec("1Gi", "1", "10Gi")
				spec.Parameters = p(name, "x")
				if errs := (Engine{}).Validate(spec); len(errs) == 0 {
					t.Errorf("%q was accepted", name)
				}
			}
		}
	}
}

// FuzzValidate: a spec that is found good is configured, read back as the user wrote it, and keeps what AtlasDB owns.
func FuzzValidate(f *testing.F) {
	f.Add("work_mem", "16MB")
	f.Add("Shared_Buffers", "1GB")
	f.Add("fsync", "off")
	f.Add("ext.name", "'\\")
	f.Add("max_connections", "1e3")
	f.Add("a = b\nc", "d")
	f.Fuzz(func(t *testing.T, name, value string) {
		spec := newSpec("1Gi", "1", "10Gi")
		spec.Parameters = p(name, value)
		if len(Engine{}.Validate(spec)) > 0 {
			return
		}
		got, err := parseConfig(Engine{}.Configure(spec, "17.6")[ConfigFile])
		if err != nil {
			t.Fatal(err)
		}
		if got[strings.ToLower(name)] != value {
			t.Errorf("%s: %q was read back as %q", name, value, got[strings.ToLower(name)])
		}
		for _, s := range fixedSettings {
			if _, owned := ownerReason(s.name); owned && got[s.name] != s.value {
				t.Errorf("%s is %q, AtlasDB's is %q", s.name, got[s.name], s.value)
			}
		}
	})
}
