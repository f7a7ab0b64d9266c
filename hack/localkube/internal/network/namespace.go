// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Join moves the calling thread into the namespace that the file keeps. The caller has locked its thread.
func Join(file string) error {
	handle, err := os.Open(file)
	if err != nil {
		return err
	}
	defer handle.Close() //nolint:errcheck // only read
	if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("join network namespace %s: %w", file, err)
	}
	return nil
}

// keep makes a new namespace that lives for as long as the file is mounted; it leaves an existing one alone.
func keep(file string) error {
	if kept(file) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, nil, 0o444); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		if err := unix.Mount(threadNamespace, file, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("keep network namespace %s: %w", file, err)
		}
		return nil
	})
}

// Drop lets the namespace go; it ends with its last process, and its cable with it.
func Drop(file string) error {
	if err := unix.Unmount(file, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) &&
		!errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop network namespace %s: %w", file, err)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// kept tells whether the file is a mounted namespace and not the empty file that a reboot leaves.
func kept(file string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(file, &stat) == nil && stat.Type == unix.NSFS_MAGIC
}

// within runs f with the calling thread in the namespace.
func within(file string, f func() error) error {
	return onThread(func() error {
		if err := Join(file); err != nil {
			return err
		}
		return f()
	})
}

const threadNamespace = "/proc/thread-self/ns/net"

// onThread runs f on a thread of its own and takes the thread back to the machine's namespace afterwards. If that
// fails the thread is never given back: another goroutine on it would work in the wrong namespace.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(threadNamespace)
		if err != nil {
			result <- err
			return
		}
		defer home.Close() //nolint:errcheck // only read
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}
