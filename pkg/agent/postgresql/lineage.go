// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// lineageFile lies in the data directory, so that it travels with the data: a copy and a rewind bring the primary's.
const lineageFile = "atlasdb.lineage"

// remembered is the content of lineageFile.
type remembered struct {
	// Lineage are the promotions that the data has followed.
	Lineage engine.Lineage `json:"lineage"`
	// Pending says that the last of them was about to happen: whether it did is seen from the data.
	Pending bool `json:"pending,omitempty"`
}

// lineage reads where the data comes from. A promotion that was cut off before it happened is left out: the data still
// is a standby's then.
func (v *volume) lineage(standby bool) (engine.Lineage, error) {
	encoded, err := os.ReadFile(v.file(lineageFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lineage: %w", err)
	}
	var r remembered
	if err := json.Unmarshal(encoded, &r); err != nil {
		return nil, fmt.Errorf("reading the lineage: %w", err)
	}
	if r.Pending && standby {
		return r.Lineage[:len(r.Lineage)-1], nil
	}
	if r.Pending {
		return v.completeLineage(r.Lineage)
	}
	return r.Lineage, nil
}

// remember writes where the data comes from, before anything that depends on it.
func (v *volume) remember(directory string, r remembered) error {
	encoded, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the lineage: %w", err)
	}
	return writeDurably(filepath.Join(directory, lineageFile), encoded)
}

// completeLineage puts in what was not known before the last promotion: the number that the server gave the new
// timeline, and where it began.
func (v *volume) completeLineage(l engine.Lineage) (engine.Lineage, error) {
	timeline, position, err := v.newestTimeline()
	if err != nil {
		return nil, err
	}
	l = slices.Clone(l)
	last := &l[len(l)-1]
	last.Timeline, last.Position = timeline, position
	return l, v.remember(v.data(), remembered{Lineage: l})
}

// newestTimeline reads the timeline's history file with the highest number: its name is the timeline, and its last line
// "<parent timeline>\t<position>\t<reason>" says where it left the one before
// (https://www.postgresql.org/docs/17/continuous-archiving.html, section Timelines).
func (v *volume) newestTimeline() (timeline int64, position uint64, err error) {
	found, err := filepath.Glob(v.file("pg_wal/*.history"))
	if err != nil || len(found) == 0 {
		return 0, 0, fmt.Errorf("there is no history of a timeline: %w", errors.Join(err, fs.ErrNotExist))
	}
	newest := slices.Max(found)
	timeline, err = strconv.ParseInt(strings.TrimSuffix(filepath.Base(newest), ".history"), 16, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the name of a timeline's history: %w", err)
	}
	content, err := os.ReadFile(newest)
	if err != nil {
		return 0, 0, fmt.Errorf("reading a timeline's history: %w", err)
	}
	position, err = switchPosition(string(content))
	return timeline, position, err
}

func switchPosition(history string) (uint64, error) {
	lines := strings.Split(strings.TrimSpace(history), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) < 2 {
		return 0, errors.New("a timeline's history does not say where the timeline began")
	}
	return parsePosition(fields[1])
}

// parsePosition reads a position as PostgreSQL writes it, two hexadecimal halves.
func parsePosition(s string) (uint64, error) {
	high, low, found := strings.Cut(s, "/")
	h, err := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !found || err != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no position in the write-ahead log", s)
	}
	return h<<32 | l, nil
}
