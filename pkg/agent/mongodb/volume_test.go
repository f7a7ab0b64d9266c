// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"os"
	"path/filepath"
	"testing"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

func newVolume(t *testing.T) *volume {
	t.Helper()
	v := &volume{volumes.Volume{Root: t.TempDir()}}
	if err := v.TryLock(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Lock.Close() })
	return v
}

// TestOnlyAVirginVolumeMayBegin: whatever is known of a volume keeps its member from beginning a set.
func TestOnlyAVirginVolumeMayBegin(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{ClusterUID: "uid-1"}
	for name, x := range map[string]struct {
		mark mark
		want bool
	}{
		"just made":                 {mark{Born: "uid-1"}, true},
		"about to begin":            {mark{Born: "uid-1", Initiating: true}, true},
		"made for another cluster":  {mark{Born: "uid-0"}, false},
		"it was in a set":           {mark{Born: "uid-1", SystemID: "7"}, false},
		"it had data of a set":      {mark{Born: "uid-1", Joined: true}, false},
		"it was emptied for a copy": {mark{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := x.mark.virgin(plan); got != x.want {
				t.Errorf("may begin: %v, want %v", got, x.want)
			}
		})
	}
}

func TestPrepareThrowsNothingAway(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	if err := os.MkdirAll(filepath.Join(v.data(), "journal"), dataMode); err != nil {
		t.Fatal(err)
	}
	if err := v.prepare(mark{Member: "orders-db-0", Born: "uid-1"}); err == nil {
		t.Error("a directory with data was taken for an empty one")
	}
	if _, found, err := v.mark(); found || err != nil {
		t.Errorf("there is a mark: %v, %v", found, err)
	}
}

// TestClearGoesOnAfterACrash: what is half thrown away is nobody's data.
func TestClearGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(v.prepare(mark{Member: "orders-db-0", Born: "uid-1"}))
	must(v.change(func(m *mark) { m.SystemID, m.Joined, m.Clearing, m.Rebuilt = "7", false, true, "op" }))
	must(os.WriteFile(filepath.Join(v.data(), "half"), nil, 0o600))
	must(v.finish())
	if left, err := os.ReadDir(v.data()); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	seen, err := v.observe("orders-db-0")
	must(err)
	if seen.HasData || !seen.Broken || seen.Rebuilt != "op" || seen.SystemID != "7" {
		t.Errorf("seen %+v", seen)
	}
	must(os.RemoveAll(v.data()))
	if _, _, err := v.mark(); err == nil {
		t.Error("nobody missed the data")
	}
}

func TestAVolumeOfAnotherMemberIsForeign(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	if err := v.prepare(mark{Member: "orders-db-1", Joined: true, SystemID: "7"}); err != nil {
		t.Fatal(err)
	}
	if seen, err := v.observe("orders-db-0"); err != nil || seen.SystemID == "7" {
		t.Errorf("seen %+v, %v", seen, err)
	}
}
