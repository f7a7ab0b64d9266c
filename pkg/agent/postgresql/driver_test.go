// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestAPrimary: from no data to a primary that is kept as the plan says.
func TestAPrimary(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.plan.Users = []engine.PlanUser{
			{Name: `we"ird`, Verifier: postgresql.ScramVerifier("p", []byte("0123456789abcdef"))},
		}
		a.plan.Databases = []engine.PlanDatabase{{Name: `o'd"d`, Owner: `we"ird`}}
		s.must(os.MkdirAll(filepath.Join(s.root, a.name, "pgdata.new", "half"), dataMode))
		a.found()
		isBorn(a)
		isProvisioned(a)
		isMeasured(a)
		restartIsPending(a)
		refusesSettings(a)
	})
}

// isBorn: what an interrupted initialisation left is thrown away, and the data knows its first epoch.
func isBorn(a *actor) {
	a.s.Helper()
	o := a.observe()
	if want := (engine.Lineage{{Epoch: 1, Timeline: 1}}); !reflect.DeepEqual(o.Volume.Point.Lineage, want) {
		a.s.Errorf("the lineage is %v, want %v", o.Volume.Point.Lineage, want)
	}
	if o.Volume.Standby || o.Volume.Exact || o.Volume.SystemID == "" || o.Volume.Point.Position == 0 {
		a.s.Errorf("a running primary's volume is %+v", o.Volume)
	}
	if o.Server.Timeline != 1 || !o.Server.Enforced.Equal(a.lead(1).Quorum) || !o.Server.Flushed.Equal(a.lead(1).Quorum) {
		a.s.Errorf("server %+v", o.Server)
	}
	if _, err := os.Stat(a.volume.file("half")); err == nil {
		a.s.Error("half-made data became part of the new")
	}
}

// isProvisioned: logins, databases and slots are made, whatever their names; the slots of members that are gone go.
func isProvisioned(a *actor) {
	a.s.Helper()
	a.tend()
	owner := ask[string](a, `SELECT rolname FROM pg_database JOIN pg_authid a ON a.oid = datdba
		WHERE datname = $1 AND rolpassword = $2`, `o'd"d`, a.plan.Users[0].Verifier)
	const slots = "SELECT coalesce(string_agg(slot_name, ',' ORDER BY 1), '') FROM pg_replication_slots"
	if made := ask[string](a, slots); owner != `we"ird` || made != "atlasdb_1,atlasdb_2" {
		a.s.Errorf("owner %q, slots %q", owner, made)
	}
	all := a.plan.Members
	a.plan.Members = all[:1]
	a.tend()
	if left := ask[string](a, slots); left != "" {
		a.s.Errorf("slots %q are left of members that are gone", left)
	}
	a.plan.Members = all
}

// isMeasured: every query for metrics is one that the server answers, and every name is a good one.
func isMeasured(a *actor) {
	a.s.Helper()
	registry := prometheus.NewPedanticRegistry()
	a.s.must(registry.Register(NewMetrics(a.s.ctx, a.db.directory)))
	families, err := registry.Gather()
	a.s.must(err)
	found := map[string]float64{}
	for _, f := range families {
		found[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	for name, want := range map[string]float64{
		"atlasdb_postgresql_up": 1, "atlasdb_postgresql_is_primary": 1, "atlasdb_postgresql_timeline": 1,
	} {
		if found[name] != want {
			a.s.Errorf("%s is %v, want %v", name, found[name], want)
		}
	}
	for _, name := range []string{
		"atlasdb_postgresql_connections", "atlasdb_postgresql_database_size_bytes", "atlasdb_postgresql_wal_size_bytes",
		"atlasdb_postgresql_transactions_committed_total", "atlasdb_postgresql_checkpoint_age_seconds",
	} {
		if _, ok := found[name]; !ok {
			a.s.Errorf("%s is missing", name)
		}
	}
	problems, err := testutil.GatherAndLint(registry)
	a.s.must(err)
	for _, p := range problems {
		a.s.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// restartIsPending: what waits for a restart is told, and whether it lowers what replicas must not have lower.
func restartIsPending(a *actor) {
	a.s.Helper()
	for _, tt := range []struct {
		connections string
		inPlace     bool
	}{{"133", false}, {"77", true}} {
		a.settings("work_mem = '8MB'\nmax_connections = '" + tt.connections + "'\n")
		a.s.eventually("max_connections = "+tt.connections, func() bool {
			found := a.tend()
			return reflect.DeepEqual(found, runbook.Tended{Pending: []string{"max_connections"}, RestartInPlace: tt.inPlace})
		})
	}
	if o := a.observe(); len(o.Pending) != 1 {
		a.s.Errorf("pending %q", o.Pending)
	}
}

// refusesSettings: settings that the server does not take are told, the last good ones stay, and a restart has them.
func refusesSettings(a *actor) {
	a.s.Helper()
	good := a.plan.Files[postgresql.ConfigFile]
	a.settings("enable_seqscan = 'perhaps'\n")
	a.tend()
	if o := a.observe(); !strings.Contains(o.Refused, "enable_seqscan") {
		a.s.Errorf("refused: %q", o.Refused)
	}
	kept, err := os.ReadFile(a.volume.file(postgresql.ConfigFile))
	a.s.must(err)
	if string(kept) != good {
		a.s.Errorf("the configuration is %q, want the last good one", kept)
	}
	a.stop()
	a.s.must(a.StartPrimary(a.s.ctx, a.plan, a.lead(1)))
	a.await("the restart", accepts)
	if got := ask[string](a, "SHOW max_connections"); got != "77" {
		a.s.Errorf("max_connections is %s after the restart", got)
	}
}

// TestCrash: a server that dies is counted, and starts again at once although a session of it was busy; one that was
// told to stop is not counted, and what it had to the last byte is known.
func TestCrash(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		a.exec("CREATE TABLE public.kept AS SELECT 1 AS n")
		pool, err := a.db.connect(s.ctx)
		s.must(err)
		busy := make(chan error, 1)
		go func() { // it never waits, so it does not see that its postmaster is gone
			_, err := pool.Exec(s.ctx, "DO $$ BEGIN LOOP NULL; END LOOP; END $$")
			busy <- err
		}()
		s.eventually("a busy session", func() bool {
			return ask[bool](a, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active')")
		})
		if o := a.kill(); o.Server.Running || o.Crashes != 1 || o.Volume.Exact {
			s.Errorf("after a crash: server %+v, %d crashes, exact %v", o.Server, o.Crashes, o.Volume.Exact)
		}
		if <-busy == nil {
			s.Error("a session outlived its server")
		}
		s.must(a.StartPrimary(s.ctx, a.plan, a.lead(1)))
		if o := a.await("the first restart", func(o runbook.Observation) bool {
			return o.Server.Accepting || !o.Server.Running
		}); !o.Server.Running || o.Crashes != 1 {
			s.Errorf("the first restart failed: %d crashes", o.Crashes)
		}
		flushed := ask[int64](a, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint FROM public.kept")
		o := a.stop()
		if o.Crashes != 1 || !o.Volume.Exact || o.Volume.Point.Position < uint64(flushed) {
			s.Errorf("after a stop: %d crashes, volume %+v, want it exact from %d on", o.Crashes, o.Volume, flushed)
		}
	})
}

// TestAKilledContainer: the lock files of a server that was killed with its agent name a process that by now is
// another.
func TestAKilledContainer(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		a.kill()
		other, err := s.reaper.Start(command("sleep", "600"))
		s.must(err)
		defer func() { _ = other.Signal(syscall.SIGKILL) }()
		for _, lock := range []string{a.volume.file("postmaster.pid"), filepath.Join(a.db.directory, ".s.PGSQL.5432.lock")} {
			s.must(os.WriteFile(lock, fmt.Appendf(nil, "%d\n%s\n0\n5432\n", other.Pid, a.volume.data()), 0o600))
		}
		s.must(a.volume.Lock.Close())

		b := s.enter(members[0])
		b.observe()
		s.must(b.StartPrimary(s.ctx, b.plan, b.lead(1)))
		b.await("a server that accepts writes", writes)
	})
}

// TestQuorum: what is claimed to be in force is, and a write that waits for nobody's flush holds nothing up.
func TestQuorum(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		all := engine.MajorityOf(3, members)
		s.must(a.Enforce(s.ctx, a.plan, all))
		a.tend() // begins a barrier, which waits: there is nobody else
		if o := a.observe(); !o.Server.Enforced.Equal(all) || o.Server.Flushed.Equal(all) {
			s.Errorf("enforced %v, flushed %v", o.Server.Enforced, o.Server.Flushed)
		}
		ctx, cancel := context.WithTimeout(s.ctx, 500*time.Millisecond)
		defer cancel()
		if a.commit(ctx) == nil {
			s.Error("a write was acknowledged without its quorum")
		}
		alone := a.lead(1).Quorum
		began := time.Now()
		s.must(a.Enforce(s.ctx, a.plan, alone))
		if o := a.observe(); !o.Server.Flushed.Equal(alone) {
			s.Errorf("flushed %v, want %v", o.Server.Flushed, alone)
		}
		s.must(a.commit(s.ctx))
		s.must(a.Enforce(s.ctx, a.plan, all))
		a.tend()
		if o := a.observe(); o.Server.Flushed.Equal(all) {
			s.Error("a barrier that a weaker quorum let go counts for the stronger one")
		}
		s.eventually("the barrier", func() bool {
			return ask[bool](a, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')")
		})
		a.stop() // a barrier that waits must not keep the server from stopping
		if took := time.Since(began); took > 30*time.Second {
			s.Errorf("it took %v", took)
		}
	})
}

// commit writes as a client does, whose writes wait for the quorum.
func (a *actor) commit(ctx context.Context) error {
	pool, err := a.db.connect(ctx)
	if err != nil {
		return err
	}
	return barrier(ctx, pool)
}
