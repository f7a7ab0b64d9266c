// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
)

// TestFence is one test, because wait4(-1) is of the whole process: two reapers would steal from each other.
//
//nolint:paralleltest // see above
func TestFence(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := process.NewReaper()
	go r.Run(ctx)
	for name, test := range map[string]func(*testing.T, *process.Reaper){
		"the guard strikes at the deadline":             strikesAtTheDeadline,
		"the guard strikes although the agent stands":   strikesAlone,
		"a deadline that moves on is not passed":        movesOn,
		"an engine that is no primary is left in peace": disarmed,
		"a guard that died is replaced":                 replaced,
		"no guard, no writable engine":                  unguarded,
		"a guard that does not watch is none":           blind,
		"an engine that lost its guard for good dies":   unguardedLater,
		"what may start":                                permits,
		"a fence waits for the last process":            waits,
		"a process that cannot be killed":               immortal,
		"in a container, the agent fences":              fencesContainer,
		"in a container, the guard fences":              guardsContainer,
	} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

func nothing(int) error { return nil }

func strikesAtTheDeadline(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	until := Clock{}.Now() + ahead
	if err := s.Arm(until); err != nil {
		t.Fatal(err)
	}
	s.struckAt(until)
	s.eventually("it strikes again, for an engine that was being born", func() bool { return len(s.strikes()) > 2 })
	if err := s.Arm(0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * idlePeriod) // the blow under way, and the look after it
	before := len(s.strikes())
	time.Sleep(2 * idlePeriod)
	if after := len(s.strikes()); after != before {
		t.Errorf("the guard struck %d times at an engine that is no primary any more", after-before)
	}
}

// strikesAlone: an agent that is stopped, swapped out or stuck cannot fence.
func strikesAlone(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	agent := s.start("/proc/self/exe", asAgent, s.marks)
	until := s.moment(s.marks + ".until")
	if err := agent.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.struckAt(until)
	if err := agent.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.eventually("a guard whose agent is gone ends", r.Alone)
}

func movesOn(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	first := Clock{}.Now() + ahead
	if err := s.Arm(first); err != nil {
		t.Fatal(err)
	}
	time.Sleep(ahead / 2)
	second := first + ahead/2
	if err := s.Arm(second); err != nil {
		t.Fatal(err)
	}
	s.struckAt(second)
}

func disarmed(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	if err := s.Arm(Clock{}.Now() + ahead/2); err != nil {
		t.Fatal(err)
	}
	if err := s.Arm(0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(ahead/2 + fenceTime)
	if struck := s.strikes(); len(struck) > 0 || s.kills.Load() > 0 {
		t.Errorf("the guard struck %d times, the agent %d", len(struck), s.kills.Load())
	}
}

func replaced(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	if err := s.Arm(Clock{}.Now() + time.Minute); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { s.Watch(ctx); close(watched) }()
	first := s.alive()
	s.killGuard()
	s.eventually("another guard is there", func() bool {
		now := s.alive()
		return now != nil && now != first
	})
	until := Clock{}.Now() + ahead
	if err := s.Arm(until); err != nil {
		t.Fatal(err)
	}
	s.struckAt(until) // it watches the same deadline
	cancel()
	<-watched
	if s.kills.Load() > 0 {
		t.Error("an engine was killed that has a guard")
	}
}

func unguarded(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	s.options.Guard = []string{filepath.Join(t.TempDir(), "missing")}
	if err := s.Arm(Clock{}.Now() + time.Minute); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("armed without a guard: %v", err)
	}
	if err := s.Permit(func() error { return nil }); err == nil {
		t.Error("a writable engine may start without a guard")
	}
	if err := s.Arm(0); err != nil {
		t.Errorf("an engine that is no primary needs a guard: %v", err)
	}
}

// blind: neither a guard that dies at once nor one that is stuck before it watches counts as one.
func blind(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	for command, want := range map[string]error{"false": io.EOF, "sleep 60": os.ErrDeadlineExceeded} {
		s.options.Guard = strings.Fields(command)
		if err := s.Arm(Clock{}.Now() + time.Minute); !errors.Is(err, want) {
			t.Errorf("armed with %q as guard: %v, want %v", command, err, want)
		}
		if s.deadline.get() != 0 {
			t.Errorf("with %q as guard an engine may accept writes", command)
		}
		s.eventually("a guard that was given up is dead", r.Alone)
	}
}

func unguardedLater(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	if err := s.Arm(Clock{}.Now() + time.Minute); err != nil {
		t.Fatal(err)
	}
	s.options.Guard = []string{filepath.Join(t.TempDir(), "missing")}
	s.killGuard()
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { s.Watch(ctx); close(watched) }()
	s.eventually("the engine is killed", func() bool { return s.deadline.get() == 0 })
	cancel()
	<-watched
	if s.kills.Load() == 0 {
		t.Error("the deadline was taken away from an engine that lives")
	}
}

func permits(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	started := 0
	start := func() error { started++; return nil }
	if err := s.Permit(start); err == nil {
		t.Error("an engine that is no primary may start as one")
	}
	if err := s.Arm(Clock{}.Now() + time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Permit(start); err != nil || started != 1 {
		t.Errorf("before the deadline: %v, started %d times, want once", err, started)
	}
	if err := s.Permit(func() error { return os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Errorf("an engine that does not start gives %v", err)
	}
	s.killGuard()
	s.eventually("the guard is dead", func() bool { return s.alive() == nil })
	guard := s.options.Guard
	s.options.Guard = []string{"false"}
	if err := s.Permit(start); err == nil || started != 1 {
		t.Error("an engine may start whose guard has died")
	}
	s.options.Guard = guard
	if err := s.Permit(start); err != nil || started != 2 || s.alive() == nil {
		t.Errorf("with another guard: %v, started %d times, want twice", err, started)
	}
	s.deadline.set(Clock{}.Now())
	if err := s.Permit(start); err == nil || started != 2 {
		t.Error("an engine may start after the deadline")
	}
	s.deadline.set(0)
}

// waits: a process that was being born may miss the first blow, and must not be missed by the fence.
func waits(t *testing.T, r *process.Reaper) {
	t.Helper()
	var s *stage
	var engine *process.Process
	s = newStage(t, r, func(before int) error {
		if before < 3 {
			return nil
		}
		_ = errors.Join(s.guard.Signal(syscall.SIGKILL), engine.Signal(syscall.SIGKILL)) // they may be dead already
		return nil
	})
	if err := s.Arm(Clock{}.Now() + time.Minute); err != nil {
		t.Fatal(err)
	}
	engine = s.start("sleep", "60")
	s.Fence.Fence("a test")
	if !engine.Ended() || s.kills.Load() < 4 {
		t.Errorf("the engine is dead: %v, after %d blows", engine.Ended(), s.kills.Load())
	}
	if err := s.Permit(func() error { return nil }); err == nil {
		t.Error("after the fence an engine may start as primary")
	}
}

// immortal: whoever has not killed the engine must not say that it is dead.
func immortal(t *testing.T, r *process.Reaper) {
	t.Helper()
	var mortal atomic.Bool
	var s *stage
	var engine *process.Process
	s = newStage(t, r, func(int) error {
		if !mortal.Load() {
			return errors.New("not today")
		}
		_ = errors.Join(s.guard.Signal(syscall.SIGKILL), engine.Signal(syscall.SIGKILL)) // they may be dead already
		return nil
	})
	until := Clock{}.Now() + ahead
	if err := s.Arm(until); err != nil {
		t.Fatal(err)
	}
	engine = s.start("sleep", "60")
	fenced := make(chan struct{})
	go func() { s.Fence.Fence("a test"); close(fenced) }()
	s.struckAt(until)
	select {
	case <-fenced:
		t.Error("the fence counts as done while the engine lives")
	default:
	}
	if s.deadline.get() != until {
		t.Error("the guard was called off while the engine lives")
	}
	mortal.Store(true)
	<-fenced
	if !engine.Ended() {
		t.Error("the fence has ended before the engine")
	}
}

// TestOnlyInsideAContainer: elsewhere kill(-1) would end everything that the user has.
func TestOnlyInsideAContainer(t *testing.T) {
	t.Parallel()
	if os.Getpid() == 1 || os.Getppid() == 1 {
		t.Skip("SKIPPED: this test runs as PID 1 or as its child")
	}
	if KillContainer() == nil {
		t.Error("a process that is not PID 1 killed everything")
	}
	if Guard() == nil {
		t.Error("a process that is no child of PID 1 became a guard")
	}
}

// TestLook: a guard neither gives up nor asks for memory.
//
//nolint:paralleltest // allocations are counted for the whole process
func TestLook(t *testing.T) {
	d, err := newDeadline()
	if err != nil {
		t.Fatal(err)
	}
	fails := func() error { return os.ErrPermission }
	for name, test := range map[string]struct{ in, least, most time.Duration }{
		"no primary":      {0, idlePeriod, idlePeriod},
		"far ahead":       {time.Hour, idlePeriod, idlePeriod},
		"soon":            {idlePeriod / 2, 1, idlePeriod / 2},
		"passed":          {-time.Second, strikePeriod, strikePeriod},
		"the lone member": {math.MaxInt64, idlePeriod, idlePeriod},
	} {
		until := test.in
		if until != 0 && until != math.MaxInt64 {
			until += Clock{}.Now()
		}
		d.set(until)
		if next := d.look(fails); next < test.least || next > test.most {
			t.Errorf("%s: looks again after %v, want from %v to %v", name, next, test.least, test.most)
		}
		if n := testing.AllocsPerRun(100, func() { d.look(fails) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestTimings: what the guard waits between two looks is part of the time that the protocol gives it (PROTOCOL I4), and
// the clock is the one on which deadlines are counted.
func TestTimings(t *testing.T) {
	t.Parallel()
	if fenceTime != election.FenceTime || idlePeriod > election.FenceTime {
		t.Errorf("the guard looks every %v, the protocol gives it %v", idlePeriod, election.FenceTime)
	}
	if readyWithin >= election.RenewDeadline-election.RequestTimeout {
		t.Errorf("a guard may take %v to start, the deadline would be over", readyWithin)
	}
	var clock election.Clock = Clock{}
	before := clock.Now()
	<-clock.After(time.Millisecond)
	if passed := clock.Now() - before; passed < time.Millisecond {
		t.Errorf("%v passed in a millisecond", passed)
	}
}
