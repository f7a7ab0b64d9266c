// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
)

// Fence is the agent's hand: it says until when the engine may accept writes, and kills it. It implements
// election.Engine.
type Fence struct {
	options  Options
	deadline deadline

	// mu is held while a writable engine starts and while the engine is killed: neither can slip into the other.
	mu    sync.Mutex
	guard *process.Process
}

// Options are what a Fence is made of.
type Options struct {
	// Reaper starts the guard and knows the other children.
	Reaper *process.Reaper
	// Guard is the command of the guard: a program that calls the function Guard.
	Guard []string
	// Kill kills every process of the engine. KillContainer is the one for PID 1 of a container.
	Kill func() error
	// Logger tells what could not be done.
	Logger klog.Logger
}

// New returns a Fence whose engine accepts no writes.
func New(o Options) (*Fence, error) {
	d, err := newDeadline()
	if err != nil {
		return nil, err
	}
	return &Fence{options: o, deadline: d}, nil
}

// KillContainer kills every process of the container but this one, which must be its first.
func KillContainer() error {
	if os.Getpid() != 1 {
		return errors.New("only PID 1 of a container may kill everything in it")
	}
	return killAll()
}

// Arm lets the engine accept writes until a moment of Clock; zero means never. Without a guard there is no writable
// engine.
func (f *Fence) Arm(until time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until != 0 {
		if err := f.guarded(); err != nil {
			return err
		}
	}
	f.deadline.set(until)
	return nil
}

// guarded makes sure that the guard runs.
func (f *Fence) guarded() error {
	if f.guard != nil && !f.guard.Ended() {
		return nil
	}
	guard, err := f.startGuard()
	if err != nil {
		return fmt.Errorf("starting the guard: %w", err)
	}
	f.guard = guard
	return nil
}

// readyWithin bounds the wait for a guard, which takes some 30 ms. It must leave time before the deadline of a renewal
// that was answered at the last moment (election.RenewDeadline less RequestTimeout).
const readyWithin = 2 * time.Second

// startGuard returns when the guard watches. One that has merely been started might fail yet, and the engine would be
// accepting writes by then.
func (f *Fence) startGuard() (*process.Process, error) {
	ready, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = ready.Close() }()
	//nolint:noctx // it lives as long as the container
	cmd := exec.Command(f.options.Guard[0], f.options.Guard[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{f.deadline.file, told}
	guard, err := f.options.Reaper.Start(cmd)
	_ = told.Close() // the guard has its own; when that one is closed too, without a word, the guard is dead
	if err != nil {
		return nil, err
	}
	err = ready.SetReadDeadline(time.Now().Add(readyWithin))
	if err == nil {
		_, err = ready.Read(make([]byte, 1))
	}
	if err != nil {
		_ = guard.Signal(syscall.SIGKILL) // it may be dead already
		return nil, fmt.Errorf("it does not watch: %w", err)
	}
	return guard, nil
}

// Watch starts the guard anew whenever it dies while the engine may accept writes, until ctx ends. An engine that
// cannot be guarded is killed.
func (f *Fence) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.guardEnded():
			f.revive()
		}
	}
}

// guardEnded is closed when the guard is dead. While there is none, it is looked for again soon.
func (f *Fence) guardEnded() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.guard != nil && !f.guard.Ended() {
		return f.guard.Done()
	}
	soon := make(chan struct{})
	time.AfterFunc(idlePeriod, func() { close(soon) })
	return soon
}

func (f *Fence) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deadline.get() == 0 {
		return
	}
	if err := f.guarded(); err != nil {
		f.options.Logger.Error(err, "Guard cannot be started; killing the engine")
		f.kill()
	}
}

// Permit calls start, which starts a writable engine, only while writes are allowed; a fence waits until it has
// returned. A replica is promoted without it: that takes too long to hold up a fence, and an engine that was killed
// cannot be promoted.
func (f *Fence) Permit(start func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	refused := errors.New("this member may not accept writes now")
	if f.deadline.get() == 0 {
		return refused
	}
	if err := f.guarded(); err != nil { // it may have died since the deadline was set
		return err
	}
	if f.deadline.passed(Clock{}.Now()) {
		return refused
	}
	return start()
}

// goneWithin is when killed processes are usually gone: they end as soon as the kernel gets to it, unless one waits for
// a disk.
const goneWithin = 5 * time.Second

// Fence kills the engine and returns when none of its processes is left, however long that takes: whoever waits for it
// goes on to tell others that the engine is dead.
func (f *Fence) Fence(string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kill()
}

// kill strikes until nothing is left: a process that was being born may have missed the first strike. Until then the
// deadline stays, so that the guard goes on.
func (f *Fence) kill() {
	patience := goneWithin
	for {
		err := f.options.Kill()
		if f.options.Reaper.Alone() {
			f.deadline.set(0)
			return
		}
		<-time.After(time.Millisecond)
		if patience -= time.Millisecond; patience == 0 {
			f.options.Logger.Error(err, "Processes of the engine are left after they were killed")
		}
	}
}
