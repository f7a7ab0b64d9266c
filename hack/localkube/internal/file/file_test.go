// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPutTouchesOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "folder", "file")
	identity := func(content string) os.FileInfo {
		t.Helper()
		if err := Put(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first, same, other := identity("a"), identity("a"), identity("b")
	if !os.SameFile(first, same) {
		t.Error("unchanged content was written again")
	}
	if os.SameFile(first, other) {
		t.Error("changed content was written in place")
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "b" {
		t.Errorf("got %q, %v", content, err)
	}
}
