// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const killInterval = 20 * time.Millisecond

// Processes lists the ids of all processes in the group and below it.
func (t *Tree) Processes(group string) ([]int, error) {
	var pids []int
	for _, folder := range t.folders(group) {
		content, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for field := range strings.FieldsSeq(string(content)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("cgroup %s: %w", group, err)
			}
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// Freeze stops all processes of the group and below it from being scheduled.
func (t *Tree) Freeze(group string) error { return t.setFreezer(group, "FROZEN") }

// Thaw lets the processes of the group run on.
func (t *Tree) Thaw(group string) error { return t.setFreezer(group, "THAWED") }

func (t *Tree) setFreezer(group, state string) error {
	path := filepath.Join(t.freezer, group, "freezer.state")
	if err := os.WriteFile(path, []byte(state), 0o644); err != nil {
		return fmt.Errorf("set freezer: %w", err)
	}
	return nil
}

// Kill sends SIGKILL to every process of the group and below it and returns once all are gone.
func (t *Tree) Kill(ctx context.Context, group string) error {
	tick := time.NewTicker(killInterval)
	defer tick.Stop()
	for {
		t.thawAll(group)
		pids, err := t.Processes(group)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := killMember(pid, group); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v of cgroup %s do not end: %w", pids, group, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// thawAll thaws every group below as well: a frozen process takes no signal before it is thawed, and a child that was
// frozen by itself stays so when its parent is thawed.
func (t *Tree) thawAll(group string) {
	for _, folder := range t.folders(group) {
		if name, ok := strings.CutPrefix(folder, t.freezer+"/"); ok {
			_ = t.Thaw(name) // gone meanwhile is as good as thawed
		}
	}
}

// killMember kills the process if it still is in the group. The handle is taken before the check, so that the signal
// cannot reach a stranger that got the same id in between.
func killMember(pid int, group string) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil // the process has ended
	}
	defer process.Release() //nolint:errcheck // nothing to do about it
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !memberOf(string(content), group) {
		return nil // the process has ended
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	return nil
}

// memberOf tells whether a process with that /proc/PID/cgroup content is in the group or below it.
func memberOf(content, group string) bool {
	for line := range strings.Lines(content) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && (fields[2] == group || strings.HasPrefix(fields[2], group+"/")) {
			return true
		}
	}
	return false
}
