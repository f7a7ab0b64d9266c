// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// process is a process of this machine. Those in containers are among them.
type process struct {
	pid int
	// inside is the id that the process has in its own container.
	inside int
	argv   []string
}

// processes are those whose control group ends in the given path.
func processes(group string) ([]process, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	var found []process
	for _, name := range all {
		groups, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(groups), group+"\n") {
			continue
		}
		if p, err := readProcess(filepath.Dir(name)); err == nil {
			found = append(found, p) // otherwise it has ended meanwhile
		}
	}
	return found, nil
}

func readProcess(folder string) (process, error) {
	pid, err := strconv.Atoi(filepath.Base(folder))
	if err != nil {
		return process{}, err
	}
	argv, err := os.ReadFile(filepath.Join(folder, "cmdline"))
	if err != nil {
		return process{}, err
	}
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return process{}, err
	}
	p := process{pid: pid, argv: strings.Split(strings.TrimRight(string(argv), "\x00"), "\x00")}
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(ids)
			p.inside, err = strconv.Atoi(fields[len(fields)-1])
		}
	}
	return p, err
}

// role tells processes of a member's container apart.
type role func(process) bool

// isAgent finds the first process of the container.
func isAgent(p process) bool { return p.inside == 1 }

func isGuard(p process) bool {
	return filepath.Base(p.argv[0]) == "atlasdb-agent" && len(p.argv) > 1 && p.argv[1] == "guard"
}

// errNoProcess is returned when a container has no such process.
var errNoProcess = errors.New("no such process")

// inContainer finds the processes of a role in a pod's engine container. This machine runs all nodes.
func inContainer(pod *corev1.Pod, is role) ([]process, error) {
	status := pod.Status.ContainerStatuses
	if len(status) == 0 {
		return nil, fmt.Errorf("pod %s has no container: %w", pod.Name, errNoProcess)
	}
	_, id, _ := strings.Cut(status[0].ContainerID, "://")
	found, err := processes(fmt.Sprintf("/pod%s/%s", pod.UID, id))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(p process) bool { return !is(p) })
	if len(found) == 0 {
		return nil, fmt.Errorf("pod %s: %w", pod.Name, errNoProcess)
	}
	return found, nil
}

// signalAll sends a signal to each process; those that have ended meanwhile do not matter.
func signalAll(to []process, signal syscall.Signal) error {
	for _, p := range to {
		if err := syscall.Kill(p.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal %v to %d: %w", signal, p.pid, err)
		}
	}
	return nil
}
