// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
)

// Here both hands strike for real: in a PID namespace of their own kill(-1) reaches nothing else.

// What the agent of a test container does once its engine runs.
const (
	fencing  = "fencing"
	standing = "standing"
)

// beContainer is PID 1 of a test container: it runs an engine of several processes, arms its fence, and fences or
// stands by. The engine alone keeps lifeDescriptor open.
func beContainer(does, marks string) error {
	reaper := process.NewReaper()
	go reaper.Run(context.Background())
	f, err := New(Options{Reaper: reaper, Guard: []string{"/proc/self/exe", asContainerGuard}, Kill: KillContainer})
	if err != nil {
		return err
	}
	until := Clock{}.Now() + ahead
	if err := f.Arm(until); err != nil {
		return err
	}
	life := os.NewFile(lifeDescriptor, "life")
	err = f.Permit(func() error {
		// One process is an orphan, which no parent would take along.
		engine := exec.Command("sh", "-c", "(sleep 60 & sleep 60 &) ; exec sleep 60")
		engine.ExtraFiles = []*os.File{life}
		_, err := reaper.Start(engine)
		return errors.Join(err, life.Close())
	})
	if err != nil {
		return err
	}
	if err := writeMoment(marks+".until", until); err != nil {
		return err
	}
	if does == fencing {
		f.Fence("a test")
		if err := errors.Join(writeMoment(marks+".fenced", Clock{}.Now()), f.Arm(Clock{}.Now()+time.Minute)); err != nil {
			return err
		}
		return writeMoment(marks+".again", Clock{}.Now())
	}
	<-time.After(time.Minute)
	return nil
}

// lifeDescriptor is the write end of a pipe whose reader sees its end when the last process of the engine is dead.
const lifeDescriptor = 3

// container starts a test container. ended gives the moment at which its engine was dead.
func (s *stage) container(does string) (agent *process.Process, ended func() time.Duration) {
	s.Helper()
	life, held, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = life.Close() })
	cmd := exec.Command("/proc/self/exe", asContainer, does, s.marks) // no context: only the reaper may wait
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	agent, err = s.reaper.Start(cmd)
	_ = held.Close()
	if errors.Is(err, syscall.EPERM) {
		s.Skip("SKIPPED: only a privileged user can make a PID namespace")
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = agent.Signal(syscall.SIGKILL) }) // its processes go with it
	return agent, func() time.Duration {
		s.Helper()
		_ = life.SetReadDeadline(time.Now().Add(soon))
		if _, err := io.Copy(io.Discard, life); err != nil {
			s.Fatalf("the engine lives: %v", err)
		}
		return Clock{}.Now()
	}
}

func fencesContainer(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	agent, ended := s.container(fencing)
	until := s.moment(s.marks + ".until")
	if dead := ended(); dead >= until {
		t.Errorf("the engine died %v after the deadline, want before: the agent fenced at once", dead-until)
	}
	if fenced := s.moment(s.marks + ".fenced"); fenced >= until {
		t.Errorf("the fence had ended %v after the deadline", fenced-until)
	}
	s.moment(s.marks + ".again") // the guard died of the blow too, and there is another
	<-agent.Done()
	if err := agent.Err(); err != nil {
		t.Error(err)
	}
}

// guardsContainer: the agent is stopped, as it is when its machine swaps it out.
func guardsContainer(t *testing.T, r *process.Reaper) {
	t.Helper()
	s := newStage(t, r, nothing)
	agent, ended := s.container(standing)
	until := s.moment(s.marks + ".until")
	if err := agent.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if late := ended() - until; late < 0 || late > fenceTime {
		t.Errorf("the engine died %v after the deadline, want from 0 to %v", late, fenceTime)
	}
}
