// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func TestSeries(t *testing.T) {
	t.Parallel()
	for build, want := range map[string]struct {
		series, next string
		known        bool
	}{
		"6.0.25": {"6.0", "7.0", true},
		"7.0":    {"7.0", "8.0", true},
		"8":      {"8.0", "", true},
		"8.0.13": {"8.0", "", true},
		"8.1.2":  {"8.1", "", false},
		"5.0.31": {"5.0", "", false},
		"":       {".0", "", false},
	} {
		series, known := SeriesOf(build)
		if next := (Engine{}).NextMajor(build); series != want.series || known != want.known || next != want.next {
			t.Errorf("%q: %s (%v), then %q; want %+v", build, series, known, next, want)
		}
	}
}

func TestRaise(t *testing.T) {
	t.Parallel()
	all := func(version string) []string { return []string{version, version, version} }
	for name, tt := range map[string]struct {
		build, current string
		running        []string
		want           string
	}{
		"all run the new version":     {"8.0.13", "7.0", all("8.0.13"), "8.0"},
		"in different builds of it":   {"8.0.13", "7.0", []string{"8.0.13", "8.0.9"}, "8.0"},
		"one runs the old one":        {"8.0.13", "7.0", []string{"8.0.13", "7.0.24"}, ""},
		"one did not answer":          {"8.0.13", "7.0", []string{"8.0.13", ""}, ""},
		"nobody answered":             {"8.0.13", "7.0", nil, ""},
		"it was raised":               {"8.0.13", "8.0", all("8.0.13"), ""},
		"it is never lowered":         {"7.0.24", "8.0", all("7.0.24"), ""},
		"two steps at once":           {"8.0.13", "6.0", all("8.0.13"), "8.0"}, // such a server would not have started
		"a version that nobody knows": {"9.0.1", "8.0", all("9.0.1"), ""},
	} {
		if got := Raise(tt.build, tt.current, tt.running); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if NeedsConfirmation("6.0.25") || !NeedsConfirmation("7.0.24") || !NeedsConfirmation("8.0") {
		t.Error("confirm is asked for from 7.0 on")
	}
}

func TestUpgradeFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		block *v1alpha1.MongoDBSpec
		want  time.Duration
	}{
		"without the block": {nil, 24 * time.Hour},
		"an empty block":    {&v1alpha1.MongoDBSpec{}, 24 * time.Hour},
		"at once": {&v1alpha1.MongoDBSpec{
			FeatureCompatibility: v1alpha1.FeatureCompatibilitySpec{SoakSeconds: new(int64(0))},
		}, 0},
	} {
		spec := newSpec("1Gi")
		spec.MongoDB = tt.block
		got, err := ParseUpgrade(Engine{}.Configure(spec, "8.0.13")[UpgradeFile])
		if err != nil || got.Soak() != tt.want {
			t.Errorf("%s: %v, %v; want %v", name, got.Soak(), err, tt.want)
		}
	}
	if u, err := ParseUpgrade(""); err != nil || u.Soak() != 24*time.Hour {
		t.Errorf("a plan without the file: %v, %v", u, err)
	}
	if _, err := ParseUpgrade("{"); err == nil {
		t.Error("a broken file was read")
	}
}
