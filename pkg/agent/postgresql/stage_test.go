// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// stageRoot names the variable with the directory of a stage, for the process that is one.
const stageRoot = "STAGE_TEST_ROOT"

// stage is where members with real servers live. Each is a process of its own: a reaper takes every child, and
// PostgreSQL refuses to be run by root.
type stage struct {
	*testing.T
	ctx    context.Context //nolint:containedctx // a test's
	root   string
	reaper *process.Reaper
}

// onStage runs the test that calls it again, in a process of user postgres, and there calls play.
func onStage(t *testing.T, play func(*stage)) {
	t.Helper()
	if root := os.Getenv(stageRoot); root != "" {
		s := &stage{T: t, ctx: t.Context(), root: root, reaper: process.NewReaper()}
		go s.reaper.Run(context.WithoutCancel(t.Context())) // the cleanup waits for servers to end
		play(s)
		return
	}
	if _, err := os.Stat(program("initdb")); err != nil {
		t.Skip("SKIPPED: no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
	}
	// A socket's path has room for 107 bytes, and only their owner may enter the parents of t.TempDir.
	root, err := os.MkdirTemp("", "stage") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), stageRoot+"="+root, "HOME="+root, "TMPDIR="+root)
	if os.Geteuid() == 0 {
		becomePostgres(t, cmd, root)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func becomePostgres(t *testing.T, cmd *exec.Cmd, root string) {
	t.Helper()
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	uid, uidErr := strconv.Atoi(who.Uid)
	gid, gidErr := strconv.Atoi(who.Gid)
	if err := errors.Join(uidErr, gidErr, os.Chown(root, uid, gid)); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) eventually(what string, reached func() bool) {
	s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if reached() {
			return
		}
	}
	s.Fatalf("%s did not come", what)
}

// actor is a member on a stage.
type actor struct {
	*Driver
	s    *stage
	name string
	plan engine.Plan
}

// members are those of the plan of every stage.
var members = []string{"orders-db-0", "orders-db-1", "orders-db-2"}

// enter makes a member whose agent has just started, and takes the lock of its volume. Members reach each other over
// their sockets, where TLS has no part: a member's host is its socket's directory.
func (s *stage) enter(name string) *actor {
	s.Helper()
	root := filepath.Join(s.root, name)
	s.must(os.MkdirAll(root, dataMode))
	plan := engine.Plan{Cluster: "orders", Build: "15.0", Durability: "Majority"}
	for _, m := range members {
		plan.Members = append(plan.Members, engine.PlanMember{Name: m, Host: s.socket(m)})
	}
	a := &actor{s: s, name: name, plan: plan, Driver: New(Options{
		Member: name, Root: root, SocketDirectory: s.socket(name), Reaper: s.reaper,
	})}
	a.settings("")
	s.Cleanup(func() {
		if a.server != nil {
			_ = a.server.Signal(syscall.SIGKILL)
			<-a.server.Done()
			_ = a.volume.Evict()
		}
	})
	return a
}

func (s *stage) socket(member string) string { return filepath.Join(s.root, member, "run") }

// settings puts a configuration into the plan that needs no certificates, which are not there.
func (a *actor) settings(extra string) {
	a.plan.Files = map[string]string{
		postgresql.ConfigFile: "listen_addresses = ''\nunix_socket_directories = '" + a.db.directory + "'\n" +
			"fsync = off\nwal_retrieve_retry_interval = '200ms'\nmax_wal_senders = '10'\n" + extra,
		postgresql.HBAFile: "local all,replication all trust\n",
	}
}

func (a *actor) observe() (o runbook.Observation) {
	a.s.Helper()
	o.Member = a.name
	a.s.must(a.Observe(a.s.ctx, &o))
	return o
}

// await observes until the observation is as wanted.
func (a *actor) await(what string, wanted func(runbook.Observation) bool) (o runbook.Observation) {
	a.s.Helper()
	a.s.eventually(a.name+": "+what, func() bool {
		o = a.observe()
		return wanted(o)
	})
	return o
}

// lead is the standing of a primary that no other member must flush for.
func (a *actor) lead(epoch int64) engine.Standing {
	return engine.Standing{Part: engine.PartLead, Epoch: epoch, Quorum: engine.MajorityOf(1, []string{a.name})}
}

// source is the member for another to receive from.
func (a *actor) source() runbook.Source {
	return runbook.Source{Member: a.name, Host: a.db.directory, Lineage: a.observe().Volume.Point.Lineage}
}

// found makes the first data and starts a primary on it.
func (a *actor) found() {
	a.s.Helper()
	a.observe()
	a.s.must(a.Initialise(a.s.ctx, a.plan, 1))
	a.s.must(a.StartPrimary(a.s.ctx, a.plan, a.lead(1)))
	a.await("a primary", accepts)
	a.tend()
}

// tend keeps the server, as a primary or a replica.
func (a *actor) tend() runbook.Tended {
	a.s.Helper()
	t, err := a.Tend(a.s.ctx, a.plan, a.observe())
	a.s.must(err)
	return t
}

// stop stops the server and waits for its end.
func (a *actor) stop() runbook.Observation {
	a.s.Helper()
	a.s.must(a.Stop(a.s.ctx))
	<-a.Exited()
	return a.observe()
}

// kill kills the postmaster.
func (a *actor) kill() runbook.Observation {
	a.s.Helper()
	a.s.must(a.server.Signal(syscall.SIGKILL))
	<-a.Exited()
	return a.observe()
}

// rise promotes the member, whatever it did before.
func (a *actor) rise(epoch int64) {
	a.s.Helper()
	if a.observe().Server.Primary != "" {
		a.s.must(a.Follow(a.s.ctx, a.plan, runbook.Source{}))
	}
	o := a.await("an exact end", exact)
	a.s.must(a.Promote(a.s.ctx, a.plan, a.lead(epoch), o))
	a.await("the promotion", writes)
	a.tend()
}

func (a *actor) exec(sql string, args ...any) {
	a.s.Helper()
	a.s.must(a.db.exec(a.s.ctx, sql, args...))
}

// ask gives the one value that a query has.
func ask[T any](a *actor, sql string, args ...any) (value T) {
	a.s.Helper()
	pool, err := a.db.connect(a.s.ctx)
	a.s.must(err)
	a.s.must(pool.QueryRow(a.s.ctx, sql, args...).Scan(&value))
	return value
}

func accepts(o runbook.Observation) bool { return o.Server.Accepting }
func writes(o runbook.Observation) bool  { return o.Server.Accepting && !o.Server.InRecovery }
func streams(o runbook.Observation) bool { return o.Server.Streaming }
func exact(o runbook.Observation) bool   { return o.Volume.Exact }
