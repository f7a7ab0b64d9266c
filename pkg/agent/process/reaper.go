// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package process is PID 1 of a database container: it starts children and is the one place that waits for them.
//
// PID 1 inherits every orphan of the container, so its wait must take any child. os/exec waits for a child of its own,
// and two waiters steal each other's exit statuses. Hence one goroutine (Reaper.Run) owns wait4(-1), children are
// started through Reaper.Start, and nobody ever calls Wait of an exec.Cmd.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reaper waits for all children of this process.
type Reaper struct {
	mu       sync.Mutex
	children map[int]*Process
}

// Process is a child that was started through a Reaper.
type Process struct {
	// Pid is the process id; it stays the child's until Done is closed.
	Pid    int
	reaper *Reaper
	done   chan struct{}
	// status is set before done is closed.
	status unix.WaitStatus
}

// NewReaper returns a Reaper without children.
func NewReaper() *Reaper { return &Reaper{children: map[int]*Process{}} }

// Run reaps until ctx ends.
func (r *Reaper) Run(ctx context.Context) {
	died := make(chan os.Signal, 1) // one is enough: a pass reaps all that are dead
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(died)
	for {
		r.reap()
		select {
		case <-ctx.Done():
			return
		case <-died:
		}
	}
}

// Alone reaps, and says whether no child is left. For PID 1 that means that nothing else runs in the container: every
// orphan is a child of it.
func (r *Reaper) Alone() bool { return r.reap() }

// reap takes every child that is dead, and says whether none is left. The lock makes it wait for a Start in progress,
// whose child may be dead already.
func (r *Reaper) reap() (alone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			return errors.Is(err, unix.ECHILD) // no children, or none that is dead
		}
		if p, ours := r.children[pid]; ours {
			delete(r.children, pid)
			p.status = status
			close(p.done)
		}
	}
}

// Start starts a command. Its Stdout and Stderr must be nil or files, since nobody copies for it.
func (r *Reaper) Start(cmd *exec.Cmd) (*Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{Pid: cmd.Process.Pid, reaper: r, done: make(chan struct{})}
	r.children[p.Pid] = p
	return p, cmd.Process.Release()
}

// Done is closed when the process is dead and reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says whether the process is dead and reaped.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Err says how a dead process ended: nil for exit code 0. Call it after Done.
func (p *Process) Err() error {
	switch {
	case p.status.Signaled():
		return fmt.Errorf("killed by signal %s", p.status.Signal())
	case p.status.ExitStatus() != 0:
		return fmt.Errorf("exit code %d", p.status.ExitStatus())
	}
	return nil
}

// Signal sends a signal, unless the process is dead: its pid may be another's by then. The lock keeps it from being
// reaped in between.
func (p *Process) Signal(s syscall.Signal) error {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
		return unix.Kill(p.Pid, s)
	}
}
