// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// crashMemory is for how long the death of a server counts.
const crashMemory = time.Minute

// stopWithin is how long a server may take to end. It writes what it has to at once, and waits for sessions.
const stopWithin = 60 * time.Second

// tenant is what members and keepers have in common: a volume, and one process on it.
type tenant struct {
	volume volume
	reaper *process.Reaper
	// server is the process; nil when there is none.
	server *process.Process
	// accepted says that it took connections once, asked is when it was told to stop, signalled when last.
	accepted         bool
	asked, signalled time.Time
	// crashes is when servers died that nobody had told to.
	crashes []time.Time
}

// Exited is closed when the running server has died; nil when none runs.
func (t *tenant) Exited() <-chan struct{} {
	if t.server == nil {
		return nil
	}
	return t.server.Done()
}

// start starts the server, which inherits the lock of the volume. It works in the volume, by which it is found when it
// outlives the agent.
func (t *tenant) start(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, t.volume.data()
	cmd.ExtraFiles = []*os.File{t.volume.Lock}
	server, err := t.reaper.Start(cmd)
	if err != nil {
		return err
	}
	t.server, t.accepted, t.asked, t.signalled = server, false, time.Time{}, time.Time{}
	return nil
}

// stop asks the server to end, and makes it when it does not; Exited tells when it has.
func (t *tenant) stop() error {
	if t.server == nil || time.Since(t.signalled) < time.Second {
		return nil
	}
	if t.asked.IsZero() {
		t.asked = time.Now()
	}
	signal := syscall.SIGTERM
	if time.Since(t.asked) > stopWithin {
		signal = syscall.SIGKILL
	}
	t.signalled = time.Now()
	if err := t.server.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return nil
}

// end is how a server ended that was there a moment ago.
type end struct {
	// Ended says that one did, Told that it was asked to, Accepted that it had taken connections.
	Ended, Told, Accepted bool
}

// observe looks at the volume, and takes note of a server that has ended. What is left of it is ended too.
func (t *tenant) observe(member string, o *runbook.Observation) (last end, err error) {
	if err := t.volume.TryLock(); err != nil {
		return last, err
	}
	if t.server != nil && t.server.Ended() {
		if err := t.volume.Evict(); err != nil {
			return last, err
		}
		last = end{Ended: true, Told: !t.asked.IsZero(), Accepted: t.accepted}
		if !last.Told {
			t.crashes = append(t.crashes, time.Now())
		}
		t.server = nil
	}
	if o.Volume, err = t.volume.observe(member); err != nil {
		return last, err
	}
	t.crashes = slices.DeleteFunc(t.crashes, func(at time.Time) bool { return time.Since(at) > crashMemory })
	o.Crashes = len(t.crashes)
	o.Server.Running = t.server != nil
	return last, nil
}

// command makes a command that no context ends: os/exec would have to wait for it, and only the reaper may (package
// process).
func command(path string, args ...string) *exec.Cmd {
	return exec.Command(path, args...) //nolint:noctx // see above
}

// found gives the first of some programs that the image has; the last when it has none, so that the error names one.
func found(programs ...string) string {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return programs[len(programs)-1]
}
