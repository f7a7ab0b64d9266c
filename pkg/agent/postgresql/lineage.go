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

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// lineageFile lies in the data directory, so that it travels with the data: a copy and a rewind bring the primary's.
const lineageFile = "atlasdb.lineage"

// remembered is the content of lineageFile.
type remembered struct {
	// Lineage are the promotions that the data has followed.
	Lineage engine.Lineage `json:"lineage"`
	// Pending says that the last of them was about to happen, when Newest was the newest timeline of which there was a
	// history.
	Pending bool  `json:"pending,omitempty"`
	Newest  int64 `json:"newest,omitempty"`
}

// lineage reads where the data comes from. A promotion has happened when there is the history of its timeline: the
// server writes that before the first record. One that was cut off before is left out; the data is still a replica's
// then, although the server may have removed the mark of one already.
func (v *volume) lineage() (l engine.Lineage, cutOff bool, err error) {
	r, err := v.remembered()
	if err != nil || !r.Pending {
		return r.Lineage, false, err
	}
	newest, position, err := v.newestTimeline()
	if err != nil {
		return nil, false, err
	}
	if newest <= r.Newest {
		return r.Lineage[:len(r.Lineage)-1], true, nil
	}
	// What was not known before: the number that the server gave the timeline, and where it began.
	last := &r.Lineage[len(r.Lineage)-1]
	last.Timeline, last.Position = newest, position
	return r.Lineage, false, v.remember(v.data(), remembered{Lineage: r.Lineage})
}

// expect writes the lineage after a promotion that is about to happen. One that was expected before may happen yet, so
// what was the newest timeline then still counts.
func (v *volume) expect(next engine.Lineage) error {
	r, err := v.remembered()
	if err == nil && !r.Pending {
		r.Newest, _, err = v.newestTimeline()
	}
	if err != nil {
		return err
	}
	return v.remember(v.data(), remembered{Lineage: next, Pending: true, Newest: r.Newest})
}

func (v *volume) remembered() (r remembered, err error) {
	encoded, err := os.ReadFile(v.file(lineageFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(encoded, &r)
	}
	if err != nil {
		return remembered{}, fmt.Errorf("reading the lineage: %w", err)
	}
	return r, nil
}

// remember writes where the data comes from, before anything that depends on it.
func (v *volume) remember(directory string, r remembered) error {
	encoded, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the lineage: %w", err)
	}
	return volumes.WriteDurably(filepath.Join(directory, lineageFile), encoded)
}

// newestTimeline reads the timeline's history file with the highest number: its name is the timeline, and its last line
// "<parent timeline>\t<position>\t<reason>" says where it left the one before
// (https://www.postgresql.org/docs/17/continuous-archiving.html, section Timelines). The first timeline has none: 0.
func (v *volume) newestTimeline() (timeline int64, position uint64, err error) {
	found, err := filepath.Glob(v.file("pg_wal/*.history"))
	if err != nil || len(found) == 0 {
		return 0, 0, err
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
