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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// volumeRoot names the variable with the volume for the process that runs the server.
const volumeRoot = "VOLUME_TEST_ROOT"

// TestVolumeWithAServer runs itself again in a process of its own: two reapers in one would steal from each other, and
// PostgreSQL refuses to be run by root.
func TestVolumeWithAServer(t *testing.T) {
	t.Parallel()
	if root := os.Getenv(volumeRoot); root != "" {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reaper := process.NewReaper()
		go reaper.Run(ctx)
		lockOutlivesItsAgent(ctx, t, optionsOn(root, reaper))
		failedInitialisationLeavesNoData(ctx, t, optionsOn(filepath.Join(root, "other"), reaper))
		return
	}
	if _, err := os.Stat(program("initdb")); err != nil {
		t.Skip("SKIPPED: no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
	}
	root, err := os.MkdirTemp("", "volume") //nolint:usetesting // the parents of t.TempDir are for its owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestVolumeWithAServer$", "-test.v")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), volumeRoot+"="+root, "HOME="+root, "TMPDIR="+root)
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

// optionsOn are of an agent of the volume. One reaper serves all, or they would steal from each other.
func optionsOn(root string, reaper *process.Reaper) Options {
	return Options{Member: "orders-db-0", Root: root, SocketDirectory: filepath.Join(root, "run"), Reaper: reaper}
}

// locks says whether a new agent on the volume gets its lock. It gives it back.
func locks(t *testing.T, root string) bool {
	t.Helper()
	v := volume{root: root}
	if err := v.tryLock(); err != nil {
		t.Fatal(err)
	}
	if v.lock == nil {
		return false
	}
	if err := v.lock.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

// lockOutlivesItsAgent: two servers on one directory destroy it, and an agent can die before its server (PROTOCOL I11).
func lockOutlivesItsAgent(ctx context.Context, t *testing.T, on Options) {
	t.Helper()
	d, root := New(on), on.Root
	plan := engine.Plan{Cluster: "orders", Files: map[string]string{
		postgresql.ConfigFile: "listen_addresses = ''\nfsync = off\nunix_socket_directories = '" + on.SocketDirectory + "'\n",
		postgresql.HBAFile:    "local all postgres trust\n",
	}}
	observe := func() (o postgresql.Observation) {
		if err := d.Observe(ctx, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	observe()
	if err := d.Initialise(ctx, plan); err != nil {
		t.Fatal(err)
	}
	if err := d.StartPrimary(ctx, plan); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.server.Signal(syscall.SIGKILL) })
	eventually(t, "a server that accepts", func() bool { return observe().Server.Accepting })
	if _, err := d.Tend(ctx, plan, true); err != nil {
		t.Fatal(err)
	}
	before := contents(t, root)
	if _, err := d.Tend(ctx, plan, true); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, root); after != before {
		t.Errorf("a second Tend of the same plan wrote files:\n%s\nwere\n%s", after, before)
	}

	if err := d.volume.lock.Close(); err != nil { // as when the agent dies
		t.Fatal(err)
	}
	if locks(t, root) {
		t.Fatal("the lock is free while the server lives: a second one could start on the same data")
	}
	d.db.close()
	if err := d.server.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-d.Exited()
	// The other processes of the server notice its death and end; the last one gives the lock back.
	eventually(t, "the lock of a server that is gone", func() bool { return locks(t, root) })
}

// contents tells the modification times of the files that Tend may write.
func contents(t *testing.T, root string) string {
	t.Helper()
	var told strings.Builder
	for _, name := range []string{
		"postgresql.conf", "postgresql.auto.conf", "pg_ident.conf", postgresql.HBAFile, postgresql.ConfigFile,
		postgresql.ConfigFile + goodSuffix, postgresql.MemberConfFile,
	} {
		info, err := os.Stat(filepath.Join(root, "pgdata", name))
		if err != nil {
			t.Fatal(err)
		}
		told.WriteString(name + " " + info.ModTime().String() + "\n")
	}
	return told.String()
}

// failedInitialisationLeavesNoData: what has the final name is complete.
func failedInitialisationLeavesNoData(ctx context.Context, t *testing.T, on Options) {
	t.Helper()
	if err := os.Mkdir(on.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	d := New(on)
	if err := d.Initialise(ctx, engine.Plan{Locale: "no_SUCH.locale"}); err == nil {
		t.Error("data was made with a locale that there is not")
	}
	if err := d.Clone(ctx, engine.Plan{Cluster: "orders"}, Source{Host: "h", Address: "127.0.0.1"}); err == nil {
		t.Error("a copy of a member that there is not")
	}
	var o postgresql.Observation
	if err := d.Observe(ctx, &o); err != nil || o.Volume.HasData || !o.Volume.Locked {
		t.Errorf("volume %+v, %v, want no data", o.Volume, err)
	}
	if _, err := os.Stat(filepath.Join(on.Root, "pgdata")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what failed left a data directory: %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := d.Initialise(stopped, engine.Plan{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an initialisation that was called off gave %v", err)
	}
}

func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if reached() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}
