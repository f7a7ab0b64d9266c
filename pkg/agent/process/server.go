// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

const (
	// stopWithin is how long a server may take to end before it is made to.
	stopWithin = 60 * time.Second
	// askEvery is how often it is told to. A server that is just starting may not have heard it the first time.
	askEvery = time.Second
	// crashMemory is for how long the death of a server counts.
	crashMemory = time.Minute
)

// Server is the one server process of a member, from its first life to its last. Its zero value with a Reaper is one
// that is down.
type Server struct {
	Reaper *Reaper
	// process is the one of this life; nil when there is none.
	process *Process
	// asked is when it was told to stop, signalled when last.
	asked, signalled time.Time
	// crashes is when it died although nobody had told it to.
	crashes []time.Time
}

// Command makes a command that no context ends: os/exec would have to wait for it, and only the Reaper may.
func Command(path string, args ...string) *exec.Cmd {
	return exec.Command(path, args...) //nolint:noctx // see above
}

// Start begins a life of the server.
func (s *Server) Start(cmd *exec.Cmd) error {
	process, err := s.Reaper.Start(cmd)
	if err != nil {
		return err
	}
	s.process, s.asked, s.signalled = process, time.Time{}, time.Time{}
	return nil
}

// Running says that the process is there, or that its death was not noted yet (Bury).
func (s *Server) Running() bool { return s.process != nil }

// Exited is closed when the process has died; nil when there is none.
func (s *Server) Exited() <-chan struct{} {
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

// Asked says that it was told to stop.
func (s *Server) Asked() bool { return s.process != nil && !s.asked.IsZero() }

// Stop tells the server to end, and makes it when it does not; Exited tells when it has. It is to be called again until
// then.
func (s *Server) Stop() error {
	if s.process == nil || time.Since(s.signalled) < askEvery {
		return nil
	}
	if s.asked.IsZero() {
		s.asked = time.Now()
	}
	signal := syscall.SIGTERM
	if time.Since(s.asked) > stopWithin {
		signal = syscall.SIGKILL
	}
	s.signalled = time.Now()
	if err := s.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return nil
}

// Died says that the process is dead and its death not noted yet.
func (s *Server) Died() bool { return s.process != nil && s.process.Ended() }

// Bury takes note of the death of the process, and says whether it ended as it was told to, without a complaint.
func (s *Server) Bury() (clean bool) {
	clean = s.Asked() && s.process.Err() == nil
	if !s.Asked() {
		s.crashes = append(s.crashes, time.Now())
	}
	s.process = nil
	return clean
}

// Crashes is how often the server died by itself within the last minute.
func (s *Server) Crashes() int {
	s.crashes = slices.DeleteFunc(s.crashes, func(at time.Time) bool { return time.Since(at) > crashMemory })
	return len(s.crashes)
}

// Signal sends a signal to the process.
func (s *Server) Signal(signal syscall.Signal) error { return s.process.Signal(signal) }
