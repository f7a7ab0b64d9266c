// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain makes this process adopt orphans, as PID 1 of a container does.
func TestMain(m *testing.M) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestReaper is one test, because wait4(-1) is of the whole process: two reapers would steal from each other.
//
//nolint:paralleltest // see above
func TestReaper(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := NewReaper()
	go r.Run(ctx)
	start := func(argv ...string) *Process {
		t.Helper()
		p, err := r.Start(exec.Command(argv[0], argv[1:]...)) // no context: only the reaper may wait
		if err != nil {
			t.Fatal(err)
		}
		return p
	}

	for code, want := range map[string]string{
		"exit 0": "", "exit 3": "exit code 3", "kill -9 $$": "killed by signal killed",
	} {
		p := start("sh", "-c", code)
		await(t, p)
		if got := p.Err(); (got == nil) != (want == "") || (got != nil && got.Error() != want) {
			t.Errorf("%s: %v, want %q", code, got, want)
		}
	}

	all := make([]*Process, 50)
	for i := range all {
		all[i] = start("true")
	}
	for _, p := range all {
		await(t, p)
	}

	sleeper := start("sleep", "60")
	if err := sleeper.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	await(t, sleeper)
	if err := sleeper.Signal(syscall.SIGTERM); err == nil {
		t.Error("a dead process was signalled: its pid may be another's")
	}

	// An orphan: its parent ends at once, and it a moment later. Nobody asked for it, and it must leave no zombie.
	await(t, start("sh", "-c", "sleep 0.1 & exit 0"))
	deadline := time.Now().Add(10 * time.Second)
	for hasChildren(t) {
		if time.Now().After(deadline) {
			t.Fatal("an orphan is left")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func await(t *testing.T, p *Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the process was not reaped")
	}
}

// hasChildren says whether the kernel knows of any child, dead or alive. It takes no status away.
func hasChildren(t *testing.T) bool {
	t.Helper()
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil
}
