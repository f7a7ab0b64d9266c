// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// TestDriver runs a real PostgreSQL. The server refuses root, so as root the test runs itself again as user postgres.
//
//nolint:paralleltest // one reaper waits for all children of the process
func TestDriver(t *testing.T) {
	if _, err := os.Stat(program("initdb")); err != nil {
		t.Skip("SKIPPED: no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
	}
	if os.Geteuid() == 0 {
		runAsPostgres(t)
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reaper := process.NewReaper()
	go reaper.Run(ctx)
	s := &stage{T: t, root: os.Getenv("DRIVER_TEST_ROOT"), reaper: reaper, plan: engine.Plan{
		Cluster: "orders", Build: "15.0",
		Members:   []engine.PlanMember{{Name: "orders-db-0", Host: "h0"}, {Name: "orders-db-1", Host: "h1"}},
		Users:     []engine.PlanUser{{Name: `we"ird`, Verifier: postgresql.ScramVerifier("p", []byte("0123456789abcdef"))}},
		Databases: []engine.PlanDatabase{{Name: `o'd"d`, Owner: `we"ird`}},
	}}
	s.settings("work_mem = '4MB'\n")
	d := s.driver()
	s.lock(d)
	s.birth(ctx, d)
	s.tend(ctx, d)
	s.measure(ctx)
	s.refuse(ctx, d)
	s.kill(ctx, d)
	s.detach(ctx, d)
}

func runAsPostgres(t *testing.T) {
	t.Helper()
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	root, err := os.MkdirTemp("", "driver") //nolint:usetesting // only root may enter the parents of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chown(root, uid, gid); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestDriver$", "-test.v")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "DRIVER_TEST_ROOT="+root, "HOME="+root, "TMPDIR="+root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// stage is what the steps of the test share.
type stage struct {
	*testing.T
	root   string
	reaper *process.Reaper
	plan   engine.Plan
}

func (s *stage) driver() *Driver {
	return New(Options{
		Member: "orders-db-0", Root: s.root, SocketDirectory: filepath.Join(s.root, "run"), Reaper: s.reaper,
	})
}

// settings puts a configuration into the plan that needs no certificates, which are not there.
func (s *stage) settings(extra string) {
	s.plan.Files = map[string]string{
		postgresql.ConfigFile: "listen_addresses = ''\nunix_socket_directories = '" + filepath.Join(s.root, "run") +
			"'\nfsync = off\n" + extra,
		postgresql.HBAFile: "local all postgres peer\n",
	}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// await observes until the observation is as wanted.
func (s *stage) await(ctx context.Context, d *Driver, what string, wanted func(postgresql.Observation) bool) {
	s.Helper()
	var o postgresql.Observation
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		o = postgresql.Observation{}
		s.must(d.Observe(ctx, &o))
		if wanted(o) {
			return
		}
	}
	s.Fatalf("%s did not come: %+v", what, o)
}

// lock: two agents on one volume, and only one may touch it.
func (s *stage) lock(d *Driver) {
	s.Helper()
	var first, second postgresql.Observation
	s.must(d.Observe(s.Context(), &first))
	s.must(s.driver().Observe(s.Context(), &second))
	if !first.Volume.Locked || second.Volume.Locked {
		s.Errorf("locked: first %v, second %v; want only the first", first.Volume.Locked, second.Volume.Locked)
	}
}

// birth: what an interrupted initialisation left is thrown away, and new data has its name only when complete.
func (s *stage) birth(ctx context.Context, d *Driver) {
	s.Helper()
	s.must(os.MkdirAll(filepath.Join(s.root, "pgdata.new", "half"), 0o700))
	s.must(d.Initialise(ctx, s.plan))
	s.must(d.StartPrimary(ctx, s.plan))
	s.await(ctx, d, "a primary", func(o postgresql.Observation) bool {
		return o.Server.Accepting && !o.Server.InRecovery && o.Volume.SystemID != ""
	})
	if _, err := os.Stat(filepath.Join(s.root, "pgdata", "half")); err == nil {
		s.Error("half-made data became part of the new")
	}
}

// tend: logins, databases and slots are made, whatever their names, and a second time nothing changes.
func (s *stage) tend(ctx context.Context, d *Driver) {
	s.Helper()
	for range 2 {
		_, err := d.Tend(ctx, s.plan, true)
		s.must(err)
	}
	pool, err := d.db.connect(ctx)
	s.must(err)
	var owner, verifier, slots string
	s.must(pool.QueryRow(ctx, `SELECT rolname, rolpassword, (SELECT string_agg(slot_name, ',') FROM pg_replication_slots)
		FROM pg_database JOIN pg_authid a ON a.oid = datdba WHERE datname = $1`, `o'd"d`).Scan(&owner, &verifier, &slots))
	if owner != `we"ird` || verifier != s.plan.Users[0].Verifier || slots != "atlasdb_1" {
		s.Errorf("owner %q, slots %q, verifier as wanted: %v", owner, slots, verifier == s.plan.Users[0].Verifier)
	}
	s.plan.Members = s.plan.Members[:1]
	_, err = d.Tend(ctx, s.plan, true)
	s.must(err)
	var left int
	s.must(pool.QueryRow(ctx, "SELECT count(*) FROM pg_replication_slots").Scan(&left))
	if left != 0 {
		s.Errorf("%d slots are left of members that are gone", left)
	}
	s.settings("work_mem = '8MB'\nmax_connections = '77'\n")
	pending, err := d.Tend(ctx, s.plan, true)
	s.must(err)
	s.await(ctx, d, "the restart that waits", func(postgresql.Observation) bool {
		pending, err = d.Tend(ctx, s.plan, true)
		return err == nil && strings.Join(pending, ",") == "max_connections"
	})
}

// measure: every query for metrics is one that the server answers, and every name is a good one.
func (s *stage) measure(ctx context.Context) {
	s.Helper()
	registry := prometheus.NewPedanticRegistry()
	s.must(registry.Register(NewMetrics(ctx, filepath.Join(s.root, "run"))))
	families, err := registry.Gather()
	s.must(err)
	found := map[string]float64{}
	for _, f := range families {
		found[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	for name, want := range map[string]float64{
		"atlasdb_postgresql_up": 1, "atlasdb_postgresql_is_primary": 1, "atlasdb_postgresql_timeline": 1,
	} {
		if found[name] != want {
			s.Errorf("%s is %v, want %v", name, found[name], want)
		}
	}
	for _, name := range []string{
		"atlasdb_postgresql_connections", "atlasdb_postgresql_database_size_bytes", "atlasdb_postgresql_wal_size_bytes",
		"atlasdb_postgresql_transactions_committed_total", "atlasdb_postgresql_checkpoint_age_seconds",
	} {
		if _, ok := found[name]; !ok {
			s.Errorf("%s is missing", name)
		}
	}
	problems, err := testutil.GatherAndLint(registry)
	s.must(err)
	for _, p := range problems {
		s.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// refuse: settings that the server does not take are told, and the last good ones stay.
func (s *stage) refuse(ctx context.Context, d *Driver) {
	s.Helper()
	good := s.plan.Files[postgresql.ConfigFile]
	s.settings("enable_seqscan = 'perhaps'\n")
	_, err := d.Tend(ctx, s.plan, true)
	s.must(err)
	s.await(ctx, d, "the complaint", func(o postgresql.Observation) bool {
		return strings.Contains(o.Refused, "enable_seqscan")
	})
	kept, err := os.ReadFile(filepath.Join(s.root, "pgdata", postgresql.ConfigFile))
	s.must(err)
	if string(kept) != good {
		s.Errorf("the configuration is %q, want the last good one", kept)
	}
}

// kill: the server dies, starts again in place, and what was committed is there. The bad settings are still in the
// plan. The first start may meet the last sessions of the old server, still on their way out: then it is tried again,
// as the agent's loop does.
func (s *stage) kill(ctx context.Context, d *Driver) {
	s.Helper()
	s.must(d.db.exec(ctx, "CREATE TABLE public.kept AS SELECT 1 AS n"))
	s.must(d.server.Signal(syscall.SIGKILL))
	<-d.Exited()
	s.await(ctx, d, "the restart", func(o postgresql.Observation) bool {
		if !o.Server.Running {
			s.must(d.StartPrimary(ctx, s.plan))
		}
		return o.Server.Accepting
	})
	s.must(d.db.exec(ctx, "SELECT n FROM public.kept"))
}

// detach: a server that receives from nobody comes to rest, and can be promoted.
func (s *stage) detach(ctx context.Context, d *Driver) {
	s.Helper()
	s.must(d.Stop())
	<-d.Exited()
	s.await(ctx, d, "the stop", func(o postgresql.Observation) bool { return !o.Server.Running })
	s.must(d.StartReplica(ctx, s.plan, ""))
	s.await(ctx, d, "a position that stands still", func(o postgresql.Observation) bool {
		return o.Server.Settled && o.Server.Position > 0 && o.Volume.Standby
	})
	s.must(d.Promote(ctx))
	s.await(ctx, d, "the promotion", func(o postgresql.Observation) bool {
		return !o.Server.InRecovery && o.Server.Accepting
	})
	s.must(d.Stop())
	<-d.Exited()
}
