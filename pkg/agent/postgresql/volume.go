// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// dataMode is the mode that PostgreSQL demands of its data directory.
const dataMode = 0o700

// volume is the member's volume: the data directory, and the place where new data is made.
type volume struct{ volumes.Volume }

func (v *volume) data() string {
	return filepath.Join(v.Root, postgresql.Engine{}.Traits().DataSubdirectory)
}
func (v *volume) making() string          { return v.data() + ".new" }
func (v *volume) outdated() string        { return v.data() + ".old" }
func (v *volume) file(name string) string { return filepath.Join(v.data(), name) }

// observe looks at what lies on the volume.
func (v *volume) observe() (runbook.Volume, error) {
	seen := runbook.Volume{Locked: v.Lock != nil}
	if !seen.Locked {
		return seen, nil
	}
	control, err := os.Open(v.file("global/pg_control"))
	if errors.Is(err, fs.ErrNotExist) {
		return seen, nil
	}
	if err != nil {
		return seen, fmt.Errorf("reading the data directory: %w", err)
	}
	defer func() { _ = control.Close() }()
	// The control file begins with the system identifier (ControlFileData in src/include/catalog/pg_control.h).
	var id uint64
	if err := binary.Read(control, binary.NativeEndian, &id); err != nil {
		return seen, fmt.Errorf("reading the system identifier: %w", err)
	}
	seen.HasData, seen.SystemID = true, strconv.FormatUint(id, 10)
	seen.Broken = exists(v.marker(brokenMarker))
	rebuilt, err := os.ReadFile(v.marker(rebuiltMarker))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return seen, fmt.Errorf("reading a marker: %w", err)
	}
	seen.Rebuilt = string(rebuilt)
	lineage, cutOff, err := v.lineage()
	seen.Point.Lineage, seen.Standby = lineage, cutOff || exists(v.file(standbySignal))
	return seen, err
}

// standbySignal is the file that makes the server start as a replica.
const standbySignal = "standby.signal"

// markStandby says in a data directory whether the server starts as a replica, and returns when it is on the disk: a
// replica that loses its mark in a crash would start as a second primary.
func (v *volume) markStandby(directory string, standby bool) error {
	signal := filepath.Join(directory, standbySignal)
	switch {
	case exists(signal) == standby:
		return nil
	case standby:
		return volumes.WriteDurably(signal, nil)
	}
	if err := os.Remove(signal); err != nil {
		return fmt.Errorf("marking the data as a primary's: %w", err)
	}
	return volumes.SyncDirectory(directory)
}

// Markers lie beside the data directory, since what they say must outlive it.
const (
	// brokenMarker is there from the beginning of a rewind until the server has come up on its result.
	brokenMarker = "rewinding"
	// rebuiltMarker holds the ID of the last request for a new copy that was carried out.
	rebuiltMarker = "rebuilt"
)

func (v *volume) marker(name string) string { return filepath.Join(v.Root, name) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mark writes a marker and waits until it is on the disk.
func (v *volume) mark(name, content string) error {
	return volumes.WriteDurably(v.marker(name), []byte(content))
}

func (v *volume) unmark(name string) error {
	if err := os.Remove(v.marker(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a marker: %w", err)
	}
	return nil
}

// mend removes what an interrupted step left behind, and gives the data directory the mode that PostgreSQL demands: the
// kubelet opens it to the group at every mount.
func (v *volume) mend() error {
	if err := v.clear(); err != nil {
		return fmt.Errorf("removing what a copy left behind: %w", err)
	}
	if err := os.Chmod(v.data(), dataMode); err != nil {
		return fmt.Errorf("closing the data directory to others: %w", err)
	}
	return nil
}

// clear removes what an interrupted initialisation or copy left behind.
func (v *volume) clear() error {
	return errors.Join(os.RemoveAll(v.making()), os.RemoveAll(v.outdated()))
}

// complete puts new data in its place. Only a complete directory ever has the final name, so that a crash at any moment
// leaves either no data or all of it. The outdated data has another name before its first file is removed.
func (v *volume) complete() error {
	if err := os.Rename(v.data(), v.outdated()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("putting outdated data aside: %w", err)
	}
	if err := os.Rename(v.making(), v.data()); err != nil {
		return fmt.Errorf("putting new data in its place: %w", err)
	}
	return errors.Join(volumes.SyncDirectory(v.Root), v.clear())
}

// write writes a file of the data directory if its content differs, atomically, and says whether it did.
func (v *volume) write(name, content string) (changed bool, err error) {
	path := v.file(name)
	if old, err := os.ReadFile(path); err == nil && string(old) == content {
		return false, nil
	}
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return false, fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return false, fmt.Errorf("writing %s: %w", name, err)
	}
	return true, nil
}
