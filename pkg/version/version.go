// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker; see the package comment.
var version, commit string

// Info is one build. Every field is set; what is not known reads "unknown".
type Info struct {
	// Version is the release, "v0.1.0", or "(devel)" for a build from a checkout.
	Version string
	// Commit is the Git commit, with the suffix "-dirty" when the checkout had changes.
	Commit string
	// GoVersion is the toolchain, "go1.26.0".
	GoVersion string
}

// Get returns the running build.
func Get() Info {
	info := Info{Version: version, Commit: commit, GoVersion: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok {
		info.Version = cmp.Or(info.Version, build.Main.Version)
		info.Commit = cmp.Or(info.Commit, revision(build.Settings))
	}
	info.Version = cmp.Or(info.Version, "unknown")
	info.Commit = cmp.Or(info.Commit, "unknown")
	return info
}

// revision finds the commit among the settings of a build, or "".
func revision(settings []debug.BuildSetting) string {
	values := map[string]string{}
	for _, s := range settings {
		values[s.Key] = s.Value
	}
	if values["vcs.revision"] != "" && values["vcs.modified"] == "true" {
		return values["vcs.revision"] + "-dirty"
	}
	return values["vcs.revision"]
}

// String is the build on one line, as printed by --version.
func (i Info) String() string {
	return fmt.Sprintf("%s (commit %s, %s)", i.Version, i.Commit, i.GoVersion)
}
