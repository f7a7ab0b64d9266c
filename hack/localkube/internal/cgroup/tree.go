// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrUnsupported is returned on a machine without the first version's freezer hierarchy.
var ErrUnsupported = errors.New("no cgroup v1 freezer hierarchy is mounted")

// Tree is the machine's set of control group hierarchies. Groups are named by their path, such as "/lk0/node-1".
type Tree struct {
	mounts  []string // all hierarchies, the bare v2 one of a hybrid setup included: runc makes groups in it as well
	freezer string
	cpuset  string
}

// Mounted finds the hierarchies of this machine.
func Mounted() (*Tree, error) {
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	defer mounts.Close() //nolint:errcheck // only read
	return parse(mounts)
}

func parse(mounts io.Reader) (*Tree, error) {
	tree := &Tree{}
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[2] != "cgroup" && fields[2] != "cgroup2" {
			continue
		}
		tree.mounts = append(tree.mounts, fields[1])
		options := strings.Split(fields[3], ",")
		if slices.Contains(options, "freezer") {
			tree.freezer = fields[1]
		}
		if slices.Contains(options, "cpuset") {
			tree.cpuset = fields[1]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if tree.freezer == "" {
		return nil, ErrUnsupported
	}
	return tree, nil
}

// Make makes the group and its parents in every hierarchy.
func (t *Tree) Make(group string) error {
	for _, mount := range t.mounts {
		if err := os.MkdirAll(filepath.Join(mount, group), 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	if t.cpuset == "" {
		return nil
	}
	return t.inheritCPUs(group)
}

// inheritCPUs gives every level its parent's CPUs and memory nodes: a new cpuset group has none, and a process
// cannot join it then.
func (t *Tree) inheritCPUs(group string) error {
	parent := t.cpuset
	for name := range strings.SplitSeq(strings.Trim(group, "/"), "/") {
		child := filepath.Join(parent, name)
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(parent, file))
			if err != nil {
				return fmt.Errorf("inherit cpuset: %w", err)
			}
			if err := os.WriteFile(filepath.Join(child, file), value, 0o644); err != nil {
				return fmt.Errorf("inherit cpuset: %w", err)
			}
		}
		parent = child
	}
	return nil
}

// Join moves the calling process into the group.
func (t *Tree) Join(group string) error {
	for _, mount := range t.mounts {
		if err := os.WriteFile(filepath.Join(mount, group, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	return nil
}

// Exists tells whether any hierarchy has the group.
func (t *Tree) Exists(group string) bool { return len(t.folders(group)) > 0 }

// folders lists the group's folders in all hierarchies, parents first.
func (t *Tree) folders(group string) []string {
	var found []string
	for _, mount := range t.mounts {
		// An unreadable or vanished folder is skipped: groups go away while they are listed.
		_ = filepath.WalkDir(filepath.Join(mount, group), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// Remove removes the group and all below it, in every hierarchy. It fails when a process is left in one.
func (t *Tree) Remove(group string) error {
	var problems []error
	folders := t.folders(group)
	slices.Reverse(folders)
	for _, folder := range folders {
		// Rmdir and not RemoveAll: the files of a group cannot be unlinked.
		if err := unix.Rmdir(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("remove cgroup %s: %w", folder, err))
		}
	}
	return errors.Join(problems...)
}
