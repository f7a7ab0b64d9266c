// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// dataMode closes a directory to all but the agent's user.
const dataMode = 0o700

// form is how a server writes its data to the disk.
type form string

// The forms.
const (
	formLog      form = "Log"
	formSnapshot form = "Snapshot"
	formNothing  form = "Nothing"
)

// state is what is certainly on the disk. The server does not know: it forgets at each start how far its data goes and
// where that comes from. So the agent remembers, beside the data, and too little rather than too much: whatever a crash
// leaves behind, the data goes as far as this at least.
type state struct {
	// SystemID is the identity of the data, Lineage where it comes from, Position how far it goes.
	SystemID string         `json:"systemID"`
	Lineage  engine.Lineage `json:"lineage,omitempty"`
	Position uint64         `json:"position"`
	// Form is the one of the server's files in which the data is.
	Form form `json:"form"`
	// Exact says that the server was shut down at that position, and that nothing was received or written since. Led says
	// that its last writes were its own.
	Exact bool `json:"exact,omitempty"`
	Led   bool `json:"led,omitempty"`
	// Copying says that there is no data yet: the first copy is still to come in.
	Copying bool `json:"copying,omitempty"`
	// Rebuilt is the ID of the last request for a new copy that was carried out.
	Rebuilt string `json:"rebuilt,omitempty"`
}

func (s state) point() engine.Point { return engine.Point{Lineage: s.Lineage, Position: s.Position} }

// has says that the state says already that the data goes so far.
func (s state) has(at engine.Point, f form) bool {
	return !s.Copying && s.Form == f && (s.Position == at.Position || f == formNothing) &&
		s.Lineage.Epoch() == at.Lineage.Epoch()
}

// volume is the member's volume: the server's data directory, and the state of that.
type volume struct{ volumes.Volume }

func (v *volume) data() string {
	return filepath.Join(v.Root, redis.Engine{}.Traits().DataSubdirectory)
}
func (v *volume) file(name string) string { return filepath.Join(v.Root, name) }

// stateFile lies beside the data directory: what a copy replaces must not take it along.
const stateFile = "redis.state"

// state reads the state; there is none, and no data, before the first was made.
func (v *volume) state() (s state, found bool, err error) {
	encoded, err := os.ReadFile(v.file(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err == nil {
		err = json.Unmarshal(encoded, &s)
	}
	if err != nil {
		return state{}, false, fmt.Errorf("reading the state of the data: %w", err)
	}
	if _, err := os.Stat(v.data()); err != nil {
		return state{}, false, fmt.Errorf("there is a state of data, and no data: %w", err)
	}
	return s, true, nil
}

// remember writes the state, and returns when it is on the disk.
func (v *volume) remember(s state) error {
	encoded, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the state of the data: %w", err)
	}
	return volumes.WriteDurably(v.file(stateFile), encoded)
}

// change reads the state, changes it and writes it, unless it stayed the same.
func (v *volume) change(edit func(*state)) error {
	s, found, err := v.state()
	if err != nil {
		return err
	}
	if !found {
		return errors.New("there is no data whose state could change")
	}
	before, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the state of the data: %w", err)
	}
	edit(&s)
	if after, err := json.Marshal(s); err != nil || string(after) == string(before) {
		return err
	}
	return v.remember(s)
}

// clear makes an empty data directory.
func (v *volume) clear() error {
	if err := os.RemoveAll(v.data()); err != nil {
		return fmt.Errorf("removing what was there: %w", err)
	}
	if err := os.Mkdir(v.data(), dataMode); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return volumes.SyncDirectory(v.Root)
}

// observe looks at what lies on the volume.
func (v *volume) observe() (runbook.Volume, error) {
	seen := runbook.Volume{Locked: v.Lock != nil}
	if !seen.Locked {
		return seen, nil
	}
	s, found, err := v.state()
	if err != nil || !found {
		return seen, err
	}
	seen.Rebuilt, seen.Broken, seen.HasData = s.Rebuilt, s.Copying, !s.Copying
	if seen.HasData {
		seen.SystemID, seen.Point, seen.Exact = s.SystemID, s.point(), s.Exact
		// What was shut down as it had led, or has just been made, goes on without a vote. Any other data may lack what was
		// acknowledged, and has to stand for election.
		seen.Standby = !s.Led || !s.Exact
	}
	return seen, nil
}

// flush makes sure that all that the server has written in a form is on the disk; who flushes a file does not matter to
// the kernel. It fails when a file has been replaced meanwhile.
func (v *volume) flush(f form) error {
	found := []string{filepath.Join(v.data(), redis.SnapshotFile)}
	if f == formLog {
		var err error
		if found, err = filepath.Glob(filepath.Join(v.data(), redis.AppendDirectory, "*")); err != nil {
			return fmt.Errorf("looking for the files of the log: %w", err)
		}
		found = append(found, filepath.Join(v.data(), redis.AppendDirectory))
	}
	for _, path := range append(found, v.data()) {
		if err := volumes.SyncDirectory(path); err != nil {
			return fmt.Errorf("flushing the data: %w", err)
		}
	}
	return nil
}
