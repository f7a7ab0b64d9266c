// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idlePeriod is how often the guard looks while the engine is no primary. A deadline lies seconds ahead when it is
	// set, so this is soon enough.
	idlePeriod = 200 * time.Millisecond
	// strikePeriod is the time between two strikes while the deadline stays passed: an engine that was started in the
	// very moment must not live.
	strikePeriod = 20 * time.Millisecond
)

// The descriptors that a guard inherits: the first that a child gets besides its standard ones.
const (
	deadlineDescriptor = 3 + iota
	readyDescriptor
)

// Guard is the second hand of the fence: a process of its own, so that an agent that stands still fences too. It kills
// all processes of the container but the agent when the deadline has passed, again and again while it stays so. It
// returns when its agent is gone; the kernel ends the container then.
func Guard() error {
	if os.Getppid() != 1 {
		return errors.New("the guard is a child of PID 1 of a container, and runs nowhere else")
	}
	return guard(os.Getppid, killAll)
}

// guard is Guard with its hands given.
func guard(parent func() int, strike func() error) error {
	runtime.GOMAXPROCS(1) // it does next to nothing; threads of its own would only cost memory
	agent := parent()
	d, err := openDeadline(os.NewFile(deadlineDescriptor, "deadline"))
	if err != nil {
		return err
	}
	if err := tellReady(os.NewFile(readyDescriptor, "ready")); err != nil {
		return err
	}
	timer := time.NewTimer(idlePeriod)
	for ; parent() == agent; <-timer.C {
		timer.Reset(d.look(strike))
	}
	return nil
}

// look strikes when the deadline has passed, and says when to look again. It allocates nothing, so that a guard never
// waits for memory, which is scarce just when an agent stands still.
func (d deadline) look(strike func() error) time.Duration {
	now := Clock{}.Now()
	if d.passed(now) {
		_ = strike() // whoever gave up here would leave the engine alive; the next strike is all that can be done
		return strikePeriod
	}
	if until := d.get(); until != 0 {
		return min(idlePeriod, until-now)
	}
	return idlePeriod
}

// tellReady tells the agent that its guard watches. An agent that has stopped waiting for it has closed the other end;
// it has no use for this guard any more.
func tellReady(ready *os.File) error {
	if _, err := ready.Write([]byte{1}); err != nil {
		return fmt.Errorf("telling the agent that it is guarded: %w", err)
	}
	return ready.Close()
}

// killAll kills every process of the container but the first and the caller: from inside a PID namespace, -1 means just
// these (kill(2)). One system call ends all sessions of the engine at once, where a shutdown would wait for them.
func killAll() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("killing every process of the container: %w", err)
	}
	return nil
}
