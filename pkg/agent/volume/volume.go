// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Volume is a member's volume. Its zero Lock is that of an agent that has yet to take it.
type Volume struct {
	// Root is where the volume is mounted.
	Root string
	// Lock is the open lock file while this agent holds it. The engine inherits the descriptor, so that the lock lives
	// until the last of its processes is gone, even when the agent dies first (PROTOCOL I11).
	Lock *os.File
}

// TryLock takes the lock of the volume; it returns without it when another process has it.
func (v *Volume) TryLock() error {
	if v.Lock != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(v.Root, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the volume's lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return f.Close()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("locking the volume: %w", err), f.Close())
	}
	v.Lock = f
	return nil
}

// SyncDirectory returns when the names in a directory are on the disk.
func SyncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// WriteDurably writes a file atomically, and returns when it is on the disk.
func WriteDurably(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return SyncDirectory(filepath.Dir(path))
}
