// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// history puts the history of a timeline into a data directory.
func history(t *testing.T, v *volume, name, content string) {
	t.Helper()
	if err := os.MkdirAll(v.file("pg_wal"), dataMode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.file(filepath.Join("pg_wal", name)), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestExpectedPromotion: the history of a new timeline tells whether a promotion happened, and nothing else does. The
// server removes the mark of a replica before it writes that.
func TestExpectedPromotion(t *testing.T) {
	t.Parallel()
	first := engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: 3, Timeline: 2, Position: 0x50}}
	for name, tt := range map[string]struct {
		happens func(*testing.T, *volume)
		cutOff  bool
		want    engine.Lineage
	}{
		"nothing happened": {func(*testing.T, *volume) {}, true, first},
		"it was expected twice": {func(t *testing.T, v *volume) {
			t.Helper()
			history(t, v, "0000000A.history", "1\t0/50\tno recovery target specified\n2\t1/60\twhy\n")
			if err := v.expect(first.With(engine.Promotion{Epoch: 5})); err != nil {
				t.Fatal(err)
			}
		}, false, first.With(engine.Promotion{Epoch: 5, Timeline: 10, Position: 1<<32 + 0x60})},
		"it happened": {func(t *testing.T, v *volume) {
			t.Helper()
			history(t, v, "00000003.history", "1\t0/50\tno recovery target specified\n\n2\t1/60\twhy\n")
		}, false, first.With(engine.Promotion{Epoch: 4, Timeline: 3, Position: 1<<32 + 0x60})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &volume{volumes.Volume{Root: t.TempDir()}}
			history(t, v, "00000002.history", "1\t0/50\tno recovery target specified\n")
			if err := v.remember(v.data(), remembered{Lineage: first}); err != nil {
				t.Fatal(err)
			}
			if err := v.expect(first.With(engine.Promotion{Epoch: 4})); err != nil {
				t.Fatal(err)
			}
			tt.happens(t, v)
			for range 2 { // the second time reads what the first completed
				got, cutOff, err := v.lineage()
				if err != nil || cutOff != tt.cutOff || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("lineage %v, cut off %v, %v; want %v, %v", got, cutOff, err, tt.want, tt.cutOff)
				}
			}
		})
	}
}

func TestUnreadableLineage(t *testing.T) {
	t.Parallel()
	v := &volume{volumes.Volume{Root: t.TempDir()}}
	if l, _, err := v.lineage(); l != nil || err != nil {
		t.Errorf("no data has lineage %v, %v", l, err)
	}
	history(t, v, "00000002.history", "no history")
	for _, content := range []string{"{", `{"lineage":[{"epoch":2}],"pending":true}`} {
		if err := volumes.WriteDurably(v.file(lineageFile), []byte(content)); err != nil {
			t.Fatal(err)
		}
		if l, _, err := v.lineage(); err == nil {
			t.Errorf("%q gave %v", content, l)
		}
	}
}

func TestParsePosition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint64{
		"0/0": 0, "0/3008860": 0x3008860, "A/FFFFFFFF": 0xAFFFFFFFF, "FFFFFFFF/0": 0xFFFFFFFF00000000,
	} {
		if got, err := parsePosition(text); err != nil || got != want {
			t.Errorf("%s is %x, %v; want %x", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/", "0", "0/", "x/0", "1FFFFFFFF/0", "-1/0", "0/0/0"} {
		if got, err := parsePosition(text); err == nil {
			t.Errorf("%q was taken for %x", text, got)
		}
	}
}

// TestCleanEnd: only a primary that was shut down has told all.
func TestCleanEnd(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{
		"shut down": true, "shut down in recovery": false, "in production": false, "in archive recovery": false, "": false,
	} {
		c := control{"Database cluster state": state, "Latest checkpoint location": "0/3008860"}
		if position, ok := c.cleanEnd(); ok != want || (ok && position != 0x3008860) {
			t.Errorf("%q: %x, %v", state, position, ok)
		}
	}
	if _, ok := (control{"Database cluster state": "shut down"}).cleanEnd(); ok {
		t.Error("an end without a position")
	}
}
