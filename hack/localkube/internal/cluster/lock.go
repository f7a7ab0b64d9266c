// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lock keeps commands on this machine from building or claiming the same thing at the same time. The kernel gives the
// lock up when the command ends, however it does.
func (m Machine) lock() (unlock func(), err error) {
	if err := os.MkdirAll(m.Cache, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(m.Cache, "localkube.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = file.Close() } // closing gives the lock up
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		return unlock, nil
	}
	m.Report.Say("waiting for another localkube command that uses %s", m.Cache)
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		unlock()
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	return unlock, nil
}
