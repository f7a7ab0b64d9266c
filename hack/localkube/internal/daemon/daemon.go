// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/cgroup"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/network"
)

// EnterCommand is the name of the hidden command that calls Enter with its arguments.
const EnterCommand = "enter"

// Spec says what to run and where.
type Spec struct {
	// Name is for people, such as "etcd" or "node-1/kubelet".
	Name string
	// Argv is the program's absolute path and its arguments.
	Argv []string
	// Group is the control group that the daemon alone starts in.
	Group string
	// Namespace is the file that keeps its network namespace.
	Namespace string
	// Log takes its output, appended.
	Log string
}

// Starter starts daemons and watches over them while the command runs.
type Starter struct {
	Groups *cgroup.Tree
	// Fail is called when a daemon ends while the command still runs.
	Fail context.CancelCauseFunc
}

// Start starts the daemon, or returns at once when its group already runs that program.
func (s Starter) Start(spec Spec) error {
	running, err := Running(s.Groups, spec)
	if err != nil || running {
		return err
	}
	if err := s.Groups.Make(spec.Group); err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	if err := os.MkdirAll(filepath.Dir(spec.Log), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the daemon has its own handle
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := append([]string{EnterCommand, spec.Group, spec.Namespace}, spec.Argv...)
	command := exec.Command(self, arguments...) //nolint:noctx // the daemon outlives the command
	command.Stdout, command.Stderr = log, log
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	go func() {
		err := command.Wait()
		s.Fail(fmt.Errorf("%s ended: %w; its log: %s", spec.Name, errOrZero(err), spec.Log))
	}()
	return nil
}

// errCleanExit stands for the exit status 0, which is no less of a failure for a daemon.
var errCleanExit = errors.New("exit status 0")

func errOrZero(err error) error {
	if err == nil {
		return errCleanExit
	}
	return err
}

// Enter joins the group and the network namespace and becomes the program. It returns only on failure.
func Enter(group, namespace string, argv []string) error {
	groups, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	if err := groups.Join(group); err != nil {
		return err
	}
	// Exec keeps the namespace of the thread that calls it.
	runtime.LockOSThread()
	if err := network.Join(namespace); err != nil {
		return err
	}
	if err := syscall.Exec(argv[0], argv, os.Environ()); err != nil {
		return fmt.Errorf("become %s: %w", argv[0], err)
	}
	return nil
}

// Running tells whether the daemon's own process is there. Others may share its group: containerd's shims start in it.
func Running(groups *cgroup.Tree, spec Spec) (bool, error) {
	pids, err := groups.Processes(spec.Group)
	if err != nil {
		return false, err
	}
	for _, pid := range pids {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil && runs(strings.TrimSpace(string(comm)), spec.Argv[0]) {
			return true, nil
		}
	}
	return false, nil
}

// commLength is how much of a program's name the kernel keeps (TASK_COMM_LEN without the final zero).
const commLength = 15

func runs(comm, program string) bool {
	name := filepath.Base(program)
	return comm == name[:min(len(name), commLength)]
}
