// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "testing"

func TestSuggest(t *testing.T) {
	t.Parallel()
	all := []string{"logLevel", "maxmemory-policy", "notablescan"}
	for name, want := range map[string]string{
		"maxmemory-polcy": "close to it are maxmemory-policy",
		"loglevel":        "close to it are logLevel",
		"scan":            "close to it are notablescan",
		"work_mem":        "allowed are logLevel, maxmemory-policy, notablescan",
	} {
		if got := Suggest(name, all); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
