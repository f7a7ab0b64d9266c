// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deadline is until when the engine may accept writes, by Clock, in memory that the agent and its guard share. Zero
// means that the engine is no primary, and nobody need watch it.
type deadline struct {
	file  *os.File
	value *atomic.Int64
}

// pageSize is what is shared; a mapping has at least a page.
const pageSize = 4096

// newDeadline makes the shared memory.
func newDeadline() (deadline, error) {
	fd, err := unix.MemfdCreate("atlasdb-deadline", unix.MFD_CLOEXEC)
	if err != nil {
		return deadline{}, fmt.Errorf("making the shared deadline: %w", err)
	}
	file := os.NewFile(uintptr(fd), "deadline")
	if err := file.Truncate(pageSize); err != nil {
		return deadline{}, fmt.Errorf("making the shared deadline: %w", err)
	}
	return openDeadline(file)
}

// openDeadline maps the shared memory that a descriptor stands for.
func openDeadline(file *os.File) (deadline, error) {
	page, err := unix.Mmap(int(file.Fd()), 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return deadline{}, fmt.Errorf("mapping the shared deadline: %w", err)
	}
	return deadline{file: file, value: (*atomic.Int64)(unsafe.Pointer(&page[0]))}, nil
}

func (d deadline) set(until time.Duration) { d.value.Store(int64(until)) }
func (d deadline) get() time.Duration      { return time.Duration(d.value.Load()) }

// passed says whether the engine must be dead at a moment.
func (d deadline) passed(now time.Duration) bool {
	until := d.get()
	return until != 0 && now >= until
}
