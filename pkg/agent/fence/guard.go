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

// GuardDescriptor is the descriptor at which the guard finds the deadline: the first that a child inherits.
const GuardDescriptor = 3

// Guard is the second hand of the fence: a process of its own, so that an agent that stands still fences too. It kills
// all processes of the container but the agent when the deadline has passed, again and again while it stays so. It
// returns when its agent is gone; the kernel ends the container then.
func Guard() error {
	if os.Getppid() != 1 {
		return errors.New("the guard is a child of PID 1 of a container, and runs nowhere else")
	}
	d, err := openDeadline(os.NewFile(GuardDescriptor, "deadline"))
	if err != nil {
		return err
	}
	return guard(d, os.Getppid, killAll)
}

// guard is Guard with its hands given.
func guard(d deadline, parent func() int, strike func() error) error {
	runtime.GOMAXPROCS(1) // it does next to nothing; threads of its own would only cost memory
	agent := parent()
	for parent() == agent {
		now := Clock{}.Now()
		wait := idlePeriod
		switch until := d.get(); {
		case d.passed(now):
			if err := strike(); err != nil {
				return err
			}
			wait = strikePeriod
		case until != 0:
			wait = min(idlePeriod, until-now)
		}
		<-Clock{}.After(wait)
	}
	return nil
}

// killAll kills every process of the container but the first and the caller: from inside a PID namespace, -1 means just
// these (kill(2)). One system call ends all sessions of the engine at once, where a shutdown would wait for them.
func killAll() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("killing every process of the container: %w", err)
	}
	return nil
}
