// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

func TestOwned(t *testing.T) {
	t.Parallel()
	owned := engine.Owned{"ports": {"port", "*_port", "listen*"}, "files": {"dir"}}
	for name, want := range map[string]string{
		"port": "ports", "http_port": "ports", "listen": "ports", "listen_host": "ports", "dir": "files",
		"ports": "", "http_port_x": "", "xlisten": "", "directory": "", "": "",
	} {
		if why, is := owned.Reason(name); why != want || is != (want != "") {
			t.Errorf("%q is owned for %q, want %q", name, why, want)
		}
	}
	if names := owned.Names(); !slices.Equal(names, []string{"*_port", "dir", "listen*", "port"}) {
		t.Errorf("the names are %v", names)
	}
}
