// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// troupe are the members of a Redis Cluster, each with its driver and a real server.
type troupe struct {
	s       *stage
	plan    engine.Plan
	members map[string]*clustered
	client  *goredis.ClusterClient

	mu        sync.Mutex
	addresses map[string]string // by host, as DNS has them
}

// clustered is a member of a cluster.
type clustered struct {
	*actor
	driver   *ClusterDriver
	last     runbook.Observation
	declined string
	stopping bool
}

// castCluster makes a cluster of a number of shards of two members.
func (s *stage) castCluster(shards int) *troupe {
	s.Helper()
	t := &troupe{s: s, members: map[string]*clustered{}, addresses: map[string]string{}}
	t.plan = engine.Plan{
		Cluster: "orders", Durability: "Relaxed", Initialiser: "orders-db-0-0",
		Users: []engine.PlanUser{{Name: "app", Verifier: redis.PasswordRule("secret")}},
	}
	t.shards(shards)
	t.client = goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: []string{t.plan.Members[0].Host + ":6379"}, Username: "app", Password: "secret", MaxRedirects: 10,
		Dialer: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, _, _ := strings.Cut(address, ":")
			at, ok := t.resolve(ctx, host)
			if !ok {
				return nil, fmt.Errorf("%s has no address", host)
			}
			return new(net.Dialer).DialContext(ctx, "tcp", at+":6379")
		},
	})
	s.Cleanup(func() { _ = t.client.Close() })
	return t
}

func (t *troupe) resolve(_ context.Context, host string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	address, ok := t.addresses[host]
	return address, ok
}

// shards makes the plan have a number of shards. Members of those that leave stay in it.
func (t *troupe) shards(n int) {
	t.plan.Shards = n
	t.plan.Generation++
	for shard := range n {
		for ordinal := range 2 {
			name := fmt.Sprintf("orders-db-%d-%d", shard, ordinal)
			if _, there := t.plan.Member(name); !there {
				host := name + ".orders-db.default.svc"
				t.plan.Members = append(t.plan.Members, engine.PlanMember{Name: name, Host: host, Shard: shard})
				t.cast(name)
			}
		}
	}
}

// cast makes a member that was not there before.
func (t *troupe) cast(name string) {
	m := &clustered{actor: t.s.cast(name, nil)}
	m.driver = NewCluster(Options{
		Member: name, Root: m.options.Root, SocketDirectory: m.options.SocketDirectory,
		CertificateDirectory: m.options.CertificateDirectory, Program: t.s.program, Reaper: reaper(),
		Dial: Dial{Resolve: t.resolve, Plain: true},
	})
	m.Driver = m.driver.Driver
	t.members[name] = m
	t.move(m, m.address)
}

// move gives a member an address, and a configuration that has it.
func (t *troupe) move(m *clustered, address string) {
	m.address = address
	m.settings(map[string]string{
		"bind-source-addr": address, "cluster-enabled": "yes", "cluster-node-timeout": "2000",
		"cluster-preferred-endpoint-type": "hostname", "cluster-allow-replica-migration": "no",
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addresses[m.name+".orders-db.default.svc"] = address
}

// pass is one of the loop of every member.
func (t *troupe) pass() {
	t.s.Helper()
	for _, planned := range t.plan.Members {
		m := t.members[planned.Name]
		plan := t.plan
		plan.Files = m.plan.Files
		o := runbook.Observation{Member: m.name, Plan: plan, Declined: m.declined, Stopping: m.stopping}
		t.s.must(m.driver.Observe(t.s.Context(), &o))
		m.last = o
		switch step := runbook.Converge(redis.ClusterRunbook, o); step.Kind {
		case runbook.StepWait, runbook.StepExit:
		case runbook.StepTend:
			if _, err := m.driver.Tend(t.s.Context(), plan, o); err != nil {
				t.s.Logf("%s: %v", m.name, err)
			}
		default:
			m.took = append(m.took, step.Kind)
			if err := m.driver.Do(t.s.Context(), runbook.Task{Step: step, Plan: plan, Observation: o}); err != nil {
				t.s.Logf("%s: %s: %v", m.name, step.Kind, err)
				m.declined = step.Request
			}
		}
		if t.plan.SystemID == "" && writes(o) {
			t.plan.SystemID = o.Volume.SystemID // as the operator does
		}
	}
}

func (t *troupe) await(what string, reached func() bool) {
	t.s.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if t.pass(); reached() {
			return
		}
	}
	for _, m := range t.members {
		log, _ := os.ReadFile(filepath.Join(m.options.Root, "log"))
		t.s.Logf("%s: %+v, steps %v\n%s\n%s", m.name, m.last.Server, m.took,
			m.client.ClusterNodes(t.s.Context()).Val(), log)
	}
	t.s.Fatalf("%s did not come", what)
}

// complete says that every shard of the plan has one primary, whose replica streams, and its share of the slots.
func (t *troupe) complete() bool {
	for shard := range t.plan.Shards {
		leads, follows := 0, 0
		for _, planned := range t.plan.Members {
			m := t.members[planned.Name]
			switch {
			case planned.Shard != shard || m.last.Volume.SystemID != t.plan.SystemID || t.plan.SystemID == "":
			case writes(m.last):
				leads++
				if n := len(m.driver.view.Myself().Slots); n < redis.Slots/t.plan.Shards || n > redis.Slots/t.plan.Shards+1 {
					return false
				}
			case streams(m.last):
				follows++
			}
		}
		if leads != 1 || follows != 1 {
			return false
		}
	}
	return true
}

// fill writes keys as an application does.
func (t *troupe) fill(keys int) {
	t.s.Helper()
	for n := range keys {
		t.s.must(t.client.Set(t.s.Context(), fmt.Sprint("key:", n), n, 0).Err())
	}
}

// mustHave reads them all.
func (t *troupe) mustHave(keys int) {
	t.s.Helper()
	t.client.ReloadState(t.s.Context())
	for n := range keys {
		if got, err := t.client.Get(t.s.Context(), fmt.Sprint("key:", n)).Int(); err != nil || got != n {
			t.s.Fatalf("key %d is %d, %v", n, got, err)
		}
	}
}

// primary is the one of a shard.
func (t *troupe) primary(shard int) *clustered {
	t.s.Helper()
	i := slices.IndexFunc(t.plan.Members, func(p engine.PlanMember) bool {
		return p.Shard == shard && writes(t.members[p.Name].last)
	})
	if i < 0 {
		t.s.Fatalf("shard %d has no primary", shard)
	}
	return t.members[t.plan.Members[i].Name]
}

// TestACluster: it is formed once, fails over, hands over, comes back with all addresses new, and is spread over more
// shards and fewer. No key is ever lost, and there never is a second cluster.
func TestACluster(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		c := s.castCluster(3)
		c.await("a cluster", c.complete)
		id := c.plan.SystemID
		c.fill(1000)

		died := c.primary(0)
		s.must(died.server.Signal(syscall.SIGKILL))
		c.await("another primary", func() bool { return !writes(died.last) && c.complete() })
		c.mustHave(1000)

		c.plan.Switchover = &engine.Switchover{ID: "op", From: c.primary(1).name}
		from := c.primary(1)
		c.await("the switchover", func() bool { return streams(from.last) && c.complete() })
		c.plan.Switchover = nil

		c.shards(4)
		c.await("four shards", c.complete)
		c.mustHave(1000)

		c.shards(5)
		c.await("slots on their way", func() bool { return writes(c.members["orders-db-4-0"].last) })
		c.shards(3)
		c.await("the drain", func() bool {
			return !slices.ContainsFunc(c.plan.Members[6:], func(p engine.PlanMember) bool {
				return !c.members[p.Name].last.Drained
			}) && c.complete()
		})
		c.mustHave(1000)
		c.plan.Members = c.plan.Members[:6]

		for _, planned := range c.plan.Members {
			m := c.members[planned.Name]
			s.must(m.server.Signal(syscall.SIGTERM))
			<-m.server.Done()
			c.move(m, ownAddress())
		}
		c.await("everybody at another address", c.complete)
		c.mustHave(1000)
		if c.plan.SystemID != id {
			s.Errorf("the data is %s, was %s", c.plan.SystemID, id)
		}
	})
}
