// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGetLeavesNoFieldEmpty(t *testing.T) {
	t.Parallel()
	info := Get()
	if info.Version == "" || info.Commit == "" || info.GoVersion != runtime.Version() {
		t.Errorf("Get() = %+v", info)
	}
	want := info.Version + " (commit " + info.Commit + ", " + info.GoVersion + ")"
	if info.String() != want {
		t.Errorf("String() = %q, want %q", info, want)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings []debug.BuildSetting
		want     string
	}{
		"not recorded": {},
		"clean":        {settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}, want: "abc"},
		"dirty": {
			settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}},
			want:     "abc-dirty",
		},
	} {
		if got := revision(test.settings); got != test.want {
			t.Errorf("%s: revision = %q, want %q", name, got, test.want)
		}
	}
}
