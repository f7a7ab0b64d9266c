// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestLockOutlivesItsAgent: two servers on one directory destroy it, and an agent can die before its server
// (PROTOCOL I11).
func TestLockOutlivesItsAgent(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		if o := s.enter(members[0]).observe(); o.Volume.Locked || o.Volume.HasData {
			s.Errorf("a second agent sees %+v", o.Volume)
		}
		s.must(a.volume.Lock.Close()) // as when the agent dies
		if locks(s, a.volume.Root) {
			s.Fatal("the lock is free while the server lives: a second one could start on the same data")
		}
		a.db.close()
		s.must(a.server.Signal(syscall.SIGKILL))
		<-a.Exited()
		// The other processes of the server notice its death and end; the last one gives the lock back.
		s.eventually("the lock of a server that is gone", func() bool { return locks(s, a.volume.Root) })
	})
}

// locks says whether a new agent on the volume gets its lock. It gives it back.
func locks(s *stage, root string) bool {
	s.Helper()
	v := volume{volumes.Volume{Root: root}}
	s.must(v.TryLock())
	if v.Lock == nil {
		return false
	}
	s.must(v.Lock.Close())
	return true
}

// TestTendWritesOnce: a second Tend of the same plan writes nothing.
func TestTendWritesOnce(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		before := contents(a)
		a.tend()
		if after := contents(a); after != before {
			s.Errorf("files were written:\n%s\nwere\n%s", after, before)
		}
	})
}

// TestClosed: while it is closed only the agent and the members get in; the next Tend opens it.
func TestClosed(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		for _, closed := range []bool{true, false} {
			o := a.observe()
			o.Closed = closed
			_, err := a.Tend(s.ctx, a.plan, o)
			s.must(err)
			admits := func() bool {
				return ask[bool](a, "SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE auth_method = 'trust')")
			}
			if admits() == closed {
				s.Errorf("closed is %v, applications are admitted: %v", closed, admits())
			}
		}
	})
}

// contents tells the modification times of the files that Tend may write.
func contents(a *actor) string {
	a.s.Helper()
	var told strings.Builder
	for _, name := range []string{
		"postgresql.conf", "postgresql.auto.conf", "pg_ident.conf", postgresql.HBAFile, postgresql.ConfigFile,
		postgresql.ConfigFile + goodSuffix, postgresql.MemberConfFile,
	} {
		info, err := os.Stat(a.volume.file(name))
		a.s.must(err)
		told.WriteString(name + " " + info.ModTime().String() + "\n")
	}
	return told.String()
}

// TestFailedInitialisationLeavesNoData: what has the final name is complete.
func TestFailedInitialisationLeavesNoData(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.observe()
		if err := a.Initialise(s.ctx, engine.Plan{Locale: "no_SUCH.locale"}, 1); err == nil {
			s.Error("data was made with a locale that there is not")
		}
		if err := a.Clone(s.ctx, a.plan, runbook.Source{Member: members[1], Host: s.socket(members[1])}); err == nil {
			s.Error("a copy of a member that there is not")
		}
		stopped, stop := context.WithCancel(s.ctx)
		stop()
		if err := a.Initialise(stopped, a.plan, 1); !errors.Is(err, context.Canceled) {
			s.Errorf("an initialisation that was called off gave %v", err)
		}
		if o := a.observe(); o.Volume.HasData || !o.Volume.Locked {
			s.Errorf("volume %+v, want no data", o.Volume)
		}
		if _, err := os.Stat(a.volume.data()); !errors.Is(err, os.ErrNotExist) {
			s.Errorf("what failed left a data directory: %v", err)
		}
	})
}

// TestRebuild: a new copy takes the place of the old one, whose files are gone, and is remembered by the ID of its
// request.
func TestRebuild(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a, b := s.enter(members[0]), s.enter(members[1])
		a.found()
		b.join(a)
		b.stop()
		s.must(os.WriteFile(b.volume.file("old"), nil, 0o600))
		b.plan.Rebuild = &engine.Rebuild{ID: "r1", Member: b.name}
		s.must(b.Clone(s.ctx, b.plan, a.source()))
		o := b.observe()
		if o.Volume.Rebuilt != "r1" || o.Volume.Exact || o.Volume.Point.Position != 0 || !o.Volume.Standby {
			s.Errorf("volume %+v", o.Volume)
		}
		for _, gone := range []string{b.volume.file("old"), b.volume.making(), b.volume.outdated()} {
			if exists(gone) {
				s.Errorf("%s is still there", filepath.Base(gone))
			}
		}
	})
}
