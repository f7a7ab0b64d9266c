// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "slices"

// NeedsRestart says whether a running server cannot take a setting over. Of a setting that is not known here nothing is
// promised.
func NeedsRestart(name string) bool {
	if _, clustered := clusterSettings[name]; clustered {
		return name == "cluster-enabled"
	}
	for _, s := range fixedSettings {
		if s.name == name {
			return s.restart
		}
	}
	if d, known := directives[name]; known {
		return d.restart
	}
	return !slices.Contains(computedNames, name)
}

// Changes compares what a server runs with (what it was started with, and what was set since) with what it should. It
// gives what can be set now, in the words of CONFIG SET, and the names of what waits for a restart, sorted. A setting
// that is no longer wanted waits too: its value goes back to the server's own default, which only a start knows.
func Changes(running, wanted map[string]string) (live map[string]string, restart []string) {
	live = map[string]string{}
	for name, value := range wanted {
		had, set := running[name]
		switch {
		case set && had == value:
		case NeedsRestart(name):
			restart = append(restart, name)
		default:
			live[name] = value
		}
	}
	for name := range running {
		if _, still := wanted[name]; !still {
			restart = append(restart, name)
		}
	}
	slices.Sort(restart)
	return live, restart
}
