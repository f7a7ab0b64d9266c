// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// reaper takes all children of this process: there may be one only.
var reaper = sync.OnceValue(func() *process.Reaper {
	r := process.NewReaper()
	go r.Run(context.Background())
	return r
})

// actor is a member with its driver, whose rules are carried out as the agent's loop does.
type actor struct {
	*Driver
	s             *stage
	name, address string
	plan          engine.Plan
	standing      engine.Standing
	primary       *actor
	closed        bool
	// took are the steps other than waiting and tending.
	took []runbook.StepKind
}

// members are those of the plan of every stage.
var members = []string{"orders-db-0", "orders-db-1", "orders-db-2"}

// cast makes a member whose agent has just started. Where other is given, it is a new life of that member's agent.
func (s *stage) cast(name string, other *actor) *actor {
	s.Helper()
	a := &actor{s: s, name: name, address: ownAddress()}
	root, err := os.MkdirTemp("", "member") // a socket's path has room for 107 bytes
	s.must(err)
	s.Cleanup(func() { _ = os.RemoveAll(root) })
	if other != nil {
		s.must(other.volume.Lock.Close())
		root, a.address = other.options.Root, other.address
	}
	secrets := filepath.Join(root, "secrets")
	s.must(os.MkdirAll(secrets, dataMode))
	s.must(os.WriteFile(filepath.Join(secrets, resource.ReplicationPasswordKey), []byte("among members"), 0o600))
	a.Driver = New(Options{
		Member: name, Root: root, SocketDirectory: filepath.Join(root, "run"), CertificateDirectory: secrets,
		Program: s.program, Reaper: reaper(),
	})
	a.plan = engine.Plan{Cluster: "orders", Durability: "Relaxed"}
	for _, m := range members {
		a.plan.Members = append(a.plan.Members, engine.PlanMember{Name: m, Host: m + ".orders-db.default.svc"})
	}
	a.settings(nil)
	s.Cleanup(func() {
		if a.server != nil {
			_ = a.server.Signal(syscall.SIGKILL)
			<-a.server.Done()
		}
		_ = a.client.Close()
	})
	return a
}

// settings puts a configuration into the plan that needs no certificates, with some settings more.
func (a *actor) settings(more map[string]string) {
	all := map[string]string{
		"bind": a.address, "port": strconv.Itoa(redis.ClientPort), "protected-mode": "no", "repl-diskless-sync-delay": "0",
		"repl-backlog-ttl": "0", "appendonly": "yes", "save": "", "appenddirname": redis.AppendDirectory,
		"dbfilename": redis.SnapshotFile, "logfile": filepath.Join(a.options.Root, "log"),
	}
	maps.Copy(all, more)
	a.plan.Files = map[string]string{redis.ConfigFile: redis.RenderConfig(all)}
}

func (a *actor) observe() (o runbook.Observation) {
	a.s.Helper()
	o = runbook.Observation{Member: a.name, Plan: a.plan, Standing: a.standing, Closed: a.closed}
	a.s.must(a.Observe(a.s.Context(), &o))
	if a.standing.Part == engine.PartFollow && a.primary != nil {
		p := a.primary.glance()
		o.Primary = runbook.PrimaryState{
			Known: true, Leading: runbook.Facts(p).Leading, SystemID: p.Volume.SystemID, Lineage: p.Volume.Point.Lineage,
			Address: a.primary.address, Engine: p.Tells,
		}
	}
	return o
}

// glance is an observation whose primary nobody asks for.
func (a *actor) glance() (o runbook.Observation) {
	a.s.Helper()
	o = runbook.Observation{Member: a.name, Plan: a.plan, Standing: a.standing}
	a.s.must(a.Observe(a.s.Context(), &o))
	return o
}

// pass is one of the agent's loop.
func (a *actor) pass() runbook.Observation {
	a.s.Helper()
	o := a.observe()
	step := runbook.Converge(redis.Runbook, o)
	task := runbook.Task{Step: step, Plan: a.plan, Standing: a.standing, Observation: o}
	if step.Primary != "" {
		task.Source = runbook.Source{
			Member: step.Primary, Address: o.Primary.Address, Lineage: o.Primary.Lineage, Engine: o.Primary.Engine,
		}
	}
	switch step.Kind {
	case runbook.StepWait, runbook.StepExit:
	case runbook.StepTend:
		tended, err := a.Tend(a.s.Context(), a.plan, o)
		a.s.must(err)
		o.Pending = tended.Pending
	default:
		a.took = append(a.took, step.Kind)
		if err := a.Do(a.s.Context(), task); err != nil {
			a.s.Logf("%s: %s: %v", a.name, step.Kind, err)
		}
	}
	return o
}

// await makes passes until an observation is as wanted.
func (a *actor) await(what string, wanted func(runbook.Observation) bool) (o runbook.Observation) {
	a.s.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if o = a.pass(); wanted(o) {
			return o
		}
	}
	a.s.Fatalf("%s: %s did not come; last %+v %+v, steps %v", a.name, what, o.Volume, o.Server, a.took)
	return o
}

func writes(o runbook.Observation) bool  { return o.Server.Accepting && !o.Server.InRecovery }
func streams(o runbook.Observation) bool { return o.Server.Streaming }
func isDown(o runbook.Observation) bool  { return !o.Server.Running }
func still(o runbook.Observation) bool {
	return o.Server.Accepting && o.Server.InRecovery && o.Server.Primary == "" && o.Volume.Exact
}

// lead makes the member primary in an epoch.
func (a *actor) lead(epoch int64) runbook.Observation {
	a.s.Helper()
	a.standing = engine.Standing{Part: engine.PartLead, Epoch: epoch, Found: a.plan.SystemID == ""}
	o := a.await("a primary", writes)
	a.plan.SystemID = a.glance().Volume.SystemID
	return o
}

// nobody makes the member receive from nobody.
func (a *actor) nobody() runbook.Observation {
	a.s.Helper()
	a.standing = engine.Standing{Part: engine.PartNobody}
	return a.await("to stand still", still)
}

// follow makes the member a replica of another that leads.
func (a *actor) follow(primary *actor) runbook.Observation {
	a.s.Helper()
	a.primary, a.plan.SystemID = primary, primary.plan.SystemID
	a.standing = engine.Standing{Part: engine.PartFollow, Epoch: primary.standing.Epoch, Primary: primary.name}
	return a.await("the stream", streams)
}

// stop stops the server cleanly.
func (a *actor) stop() runbook.Observation {
	a.s.Helper()
	a.standing = engine.Standing{Part: engine.PartNobody}
	a.plan.PowerState = "Stopped"
	o := a.await("the end", isDown)
	a.plan.PowerState = "Running"
	return o
}

// kill kills the server, and returns when that was seen.
func (a *actor) kill() runbook.Observation {
	a.s.Helper()
	a.s.must(a.server.Signal(syscall.SIGKILL))
	<-a.server.Done()
	return a.glance()
}

// fill writes keys, beginning with a number.
func (a *actor) fill(from, keys int) {
	a.s.Helper()
	_, err := a.client.Pipelined(a.s.Context(), func(p goredis.Pipeliner) error {
		for n := range keys {
			p.Set(a.s.Context(), fmt.Sprint("key:", from+n), make([]byte, 100), 0)
		}
		return nil
	})
	a.s.must(err)
}

func (a *actor) keys() int64 { return a.client.DBSize(a.s.Context()).Val() }

// awaitKeys waits until the server has so many keys.
func (a *actor) awaitKeys(n int64) {
	a.s.Helper()
	a.await(fmt.Sprint(n, " keys"), func(runbook.Observation) bool { return a.keys() == n })
}

// claim is what the disk is said to have.
func (a *actor) claim() state {
	a.s.Helper()
	s, _, err := a.volume.state()
	a.s.must(err)
	return s
}

// info is what the server says of itself.
func (a *actor) info() Info {
	a.s.Helper()
	i, err := ask(a.s.Context(), a.client)
	a.s.must(err)
	return i
}
