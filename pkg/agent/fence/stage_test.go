// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
)

// The test program is also a guard that writes down when it strikes, and an agent that has such a guard.
const (
	asGuard = "test-guard"
	asAgent = "test-agent"
	// These two use the real blow.
	asContainer      = "test-container"
	asContainerGuard = "test-container-guard"
)

// TestMain makes this process adopt orphans, as PID 1 of a container does.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == asGuard:
		err = beGuard(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == asAgent:
		err = beAgent(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == asContainer:
		err = beContainer(os.Args[2], os.Args[3])
	case len(os.Args) == 2 && os.Args[1] == asContainerGuard:
		err = Guard()
	default:
		if err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err == nil {
			os.Exit(m.Run())
		}
	}
	if err != nil {
		panic(err)
	}
}

// beGuard is Guard with a blow that only leaves a mark: the moment, a line each.
func beGuard(marks string) error {
	return guard(os.Getppid, func() error {
		f, err := os.OpenFile(marks, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, err = fmt.Fprintln(f, int64(Clock{}.Now()))
		return err
	})
}

// beAgent arms a fence and stands by until it is killed.
func beAgent(marks string) error {
	f, err := New(Options{Reaper: process.NewReaper(), Guard: guardCommand(marks)})
	if err != nil {
		return err
	}
	until := Clock{}.Now() + ahead
	if err := f.Arm(until); err != nil {
		return err
	}
	if err := writeMoment(marks+".until", until); err != nil {
		return err
	}
	<-time.After(time.Minute)
	return nil
}

// writeMoment tells another process of a moment; it appears as a whole.
func writeMoment(file string, moment time.Duration) error {
	content := []byte(strconv.FormatInt(int64(moment), 10))
	return errors.Join(os.WriteFile(file+".new", content, 0o600), os.Rename(file+".new", file))
}

// moment waits for what writeMoment tells.
func (s *stage) moment(file string) (moment time.Duration) {
	s.Helper()
	s.eventually(filepath.Base(file)+" is told", func() bool {
		content, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		nanoseconds, err := strconv.ParseInt(string(content), 10, 64)
		moment = time.Duration(nanoseconds)
		return err == nil
	})
	return moment
}

func guardCommand(marks string) []string { return []string{"/proc/self/exe", asGuard, marks} }

const (
	// ahead is how far a deadline lies ahead: the guard, a process, has to start before.
	ahead = 2 * time.Second
	// soon is what must happen.
	soon = 20 * time.Second
)

// stage is a fence with a real guard, whose blows are marks in a file.
type stage struct {
	*testing.T
	*Fence
	reaper *process.Reaper
	marks  string
	kills  atomic.Int32
}

// newStage makes a stage. kill is called with how often it was called before.
func newStage(t *testing.T, r *process.Reaper, kill func(before int) error) *stage {
	t.Helper()
	logger, _ := ktesting.NewTestContext(t)
	s := &stage{T: t, reaper: r, marks: filepath.Join(t.TempDir(), "marks")}
	f, err := New(Options{
		Reaper: r, Guard: guardCommand(s.marks), Logger: logger, Kill: func() error {
			return kill(int(s.kills.Add(1)) - 1)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Fence = f
	t.Cleanup(func() { s.killGuard(); s.eventually("all children are gone", r.Alone) })
	return s
}

// killGuard kills the guard, if there is one that lives.
func (s *stage) killGuard() {
	if guard := s.alive(); guard != nil {
		_ = guard.Signal(syscall.SIGKILL) // it may end by itself just now
	}
}

// alive is the guard, nil when it is dead.
func (s *stage) alive() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil || s.guard.Ended() {
		return nil
	}
	return s.guard
}

// start starts a child.
func (s *stage) start(argv ...string) *process.Process {
	s.Helper()
	p, err := s.reaper.Start(exec.Command(argv[0], argv[1:]...)) // no context: only the reaper may wait
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *stage) eventually(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(soon); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("in vain: %s", what)
		}
	}
}

// strikes are the moments of the guard's blows.
func (s *stage) strikes() (moments []time.Duration) {
	s.Helper()
	content, _ := os.ReadFile(s.marks)
	for line := range strings.Lines(string(content)) {
		at, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			s.Fatal(err)
		}
		moments = append(moments, time.Duration(at))
	}
	return moments
}

// struckAt waits for the guard, and checks that it struck at a moment.
func (s *stage) struckAt(until time.Duration) {
	s.Helper()
	s.eventually("the guard strikes", func() bool { return len(s.strikes()) > 0 })
	if late := s.strikes()[0] - until; late < 0 || late > fenceTime {
		s.Errorf("the guard struck %v after the deadline, want from 0 to %v", late, fenceTime)
	}
}

// fenceTime is the time that the protocol gives the fence (PROTOCOL I4).
const fenceTime = 200 * time.Millisecond
