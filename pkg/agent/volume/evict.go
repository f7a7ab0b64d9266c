// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// evictWithin is how long a killed process may take to end, in milliseconds. Only one that waits for the disk takes
// long.
const evictWithin = 5000

// Evict kills all processes that work on the volume, and returns when they are gone. They are known by their working
// directory, so a driver starts its programs in the volume. What a server has started outlives it for a moment: a busy
// session of PostgreSQL holds its shared memory, and a child of Redis goes on to write the file that it was forked for.
func (v *Volume) Evict() error {
	root, err := filepath.EvalSymlinks(v.Root)
	if err != nil {
		return fmt.Errorf("looking for what is left of a server: %w", err)
	}
	directories, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return fmt.Errorf("looking for what is left of a server: %w", err)
	}
	var errs []error
	for _, link := range directories {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && pid != os.Getpid() && within(link, root) {
			errs = append(errs, kill(pid, func() bool { return within(link, root) }))
		}
	}
	return errors.Join(errs...)
}

// within says whether a link leads to a directory or below; one that cannot be read belongs to a process that is gone,
// or to another user.
func within(link, directory string) bool {
	target, err := os.Readlink(link)
	return err == nil && strings.HasPrefix(target+"/", directory+"/")
}

// kill kills a process, if it still is the one that is meant, and waits for its end. A descriptor stays with the
// process, while its number may become another's.
func kill(pid int, meant func() bool) error {
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	defer func() { _ = unix.Close(process) }()
	if !meant() {
		return nil
	}
	if err := unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	for {
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, evictWithin)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("waiting for the end of process %d: %w", pid, err)
		case ended == 0:
			return fmt.Errorf("process %d was killed and does not end", pid)
		}
		return nil
	}
}
