// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"testing"
)

// An image from the cache is right only if whatever changes the image changes its key.
func TestKeyNamesWhatTheImageIsMadeFrom(t *testing.T) {
	t.Parallel()
	key := redis("redis", "7").key()
	if again := redis("redis", "7").key(); again != key {
		t.Fatalf("the same engine has the keys %s and %s", key, again)
	}
	for name, change := range map[string]func(*engine){
		"suite":         func(e *engine) { e.suite = "trixie" },
		"pocket":        func(e *engine) { e.pockets = []string{"backports"} },
		"package":       func(e *engine) { e.packages = append(e.packages, "redis-sentinel") },
		"beforeInstall": func(e *engine) { e.beforeInstall = account("redis", "999", "/home/redis", "/bin/bash") },
		"afterInstall":  func(e *engine) { e.afterInstall = nil },
		"config":        func(e *engine) { e.config.WorkingDir = "/" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := redis("redis", "7")
			if change(&changed); changed.key() == key {
				t.Errorf("another %s, the same key", name)
			}
		})
	}
}
