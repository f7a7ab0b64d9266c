// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// scraped are the values of all metrics, by name and value of the label, as in keys/0.
type scraped map[string]float64

func (s *stage) scrape(access Access) scraped {
	s.Helper()
	metrics := NewMetrics(s.Context(), access)
	defer func() { s.must(metrics.client.Close()) }()
	registry := prometheus.NewPedanticRegistry()
	s.must(registry.Register(metrics))
	problems, err := testutil.GatherAndLint(registry)
	s.must(err)
	for _, p := range problems {
		s.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := registry.Gather()
	s.must(err)
	found := scraped{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := []string{strings.TrimPrefix(family.GetName(), prefix)}
			for _, label := range m.GetLabel() {
				name = append(name, label.GetValue())
			}
			found[strings.Join(name, "/")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return found
}

func (p *player) scrape() scraped { return p.s.scrape(Access{Socket: p.socket()}) }

// has fails unless all that is wanted was found as wanted.
func (s *stage) has(found, want scraped) {
	s.Helper()
	for name, value := range want {
		if got, ok := found[name]; !ok || got != value {
			s.Errorf("%s is %v (found: %t), want %v", name, got, ok, value)
		}
	}
}

func (s *stage) lacks(found scraped, names ...string) {
	s.Helper()
	for _, name := range names {
		if value, ok := found[name]; ok {
			s.Errorf("%s is %v and should not be there", name, value)
		}
	}
}

func TestMetricsOfPrimaryAndReplica(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		primary, replica := s.couple("--appendonly", "yes", "--maxmemory", "10mb", "--maxclients", "100")
		primary.fill(3)
		s.must(primary.Get(s.Context(), "key:1").Err())
		s.must(primary.Expire(s.Context(), "key:1", time.Hour).Err())
		if primary.Get(s.Context(), "no").Err() == nil {
			s.Error("a key was found that is not there")
		}
		end := primary.await("a replica that confirmed all", func(i Info) bool { return i.Replicas[0].Offset == i.Offset })
		found := primary.scrape()
		s.has(found, scraped{
			"up": 1, "is_primary": 1, "loading": 0, "keys/0": 3, "expiring_keys/0": 1, "keyspace_hits_total": 1,
			"keyspace_misses_total": 1, "memory_limit_bytes": 10 << 20, "max_connections": 100, "blocked_clients": 0,
			"replication_lag_bytes/orders-db-1": 0, "replication_offset_bytes": float64(end.Offset),
			"rdb_last_save_ok": 1, "rdb_saving": 0, "aof_enabled": 1, "aof_last_write_ok": 1, "aof_last_rewrite_ok": 1,
		})
		s.lacks(found, "link_up", "syncing", "link_idle_seconds", "replay_lag_bytes")
		found = replica.scrape()
		s.has(found, scraped{"up": 1, "is_primary": 0, "link_up": 1, "syncing": 0, "replay_lag_bytes": 0, "keys/0": 3})
		s.lacks(found, "replication_lag_bytes/orders-db-1")

		primary.kill()
		replica.await("the end of the link", func(i Info) bool { return !i.LinkUp })
		found = replica.scrape()
		s.has(found, scraped{"up": 1, "link_up": 0, "replication_offset_bytes": float64(end.Offset)})
		s.lacks(found, "link_idle_seconds", "replay_lag_bytes")
	})
}

// TestMetricsOfCopies: a replica that waits for its copy still has what it had, and one that loads has no offset.
func TestMetricsOfCopies(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		primary := s.enter("orders-db-0", "--rdb-key-save-delay", "3000")
		primary.fill(1000)
		replica := s.enter("orders-db-1", loadSlowly...)
		replica.follow(primary)
		before := replica.await("the copy to come in", func(i Info) bool { return i.Syncing && !i.Loading })
		found := replica.scrape()
		s.has(found, scraped{"up": 1, "syncing": 1, "loading": 0, "link_up": 0, "replication_offset_bytes": 0})
		loading := replica.await("the copy to be loaded", func(i Info) bool { return i.Loading })
		if loading.ReplicationID != before.ReplicationID {
			s.Error("the history changed while the copy was loaded")
		}
		found = replica.scrape()
		s.has(found, scraped{"up": 1, "syncing": 1, "loading": 1, "link_up": 0})
		s.lacks(found, "replication_offset_bytes", "replay_lag_bytes")
		s.must(replica.ConfigSet(s.Context(), "key-load-delay", "0").Err())
		replica.await("the stream", func(i Info) bool { return i.LinkUp && i.ReplicationID != before.ReplicationID })
	})
}

// TestMetricsOfNoAnswer: a server that is down, that hangs, or that lets nobody in is not up, which is said in time; no
// more is said.
func TestMetricsOfNoAnswer(t *testing.T) {
	t.Parallel()
	down := scraped{"up": 0}
	onEachStage(t, func(s *stage) {
		p := s.enter("orders-db-0")
		s.must(p.Do(s.Context(), "ACL", "SETUSER", "agent", "on", ">secret", "+@all").Err())
		s.has(s.scrape(Access{Socket: p.socket(), Username: "agent", Password: "secret"}), scraped{"up": 1})
		if found := s.scrape(Access{Socket: p.socket(), Username: "agent", Password: "guess"}); !maps.Equal(found, down) {
			s.Errorf("whoever was not let in found %v", found)
		}
		p.signal(syscall.SIGSTOP)
		registry, began := prometheus.NewPedanticRegistry(), time.Now()
		s.must(registry.Register(NewMetrics(s.Context(), Access{Socket: p.socket()})))
		if n, err := testutil.GatherAndCount(registry); n != 1 || err != nil {
			s.Errorf("%d metrics of a server that hangs, error %v", n, err)
		}
		if took := time.Since(began); took < scrapeTimeout/2 || took > 2*scrapeTimeout {
			s.Errorf("the scrape of a server that hangs took %v", took)
		}
		p.kill()
		if found := p.scrape(); !maps.Equal(found, down) {
			s.Errorf("of a dead server there is %v", found)
		}
	})
}

// TestScrapeCausesNoErrors: a client whose handshake has commands that the server does not know spoils its statistics.
func TestScrapeCausesNoErrors(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		p := s.enter("orders-db-0")
		p.scrape()
		if text := p.Info(s.Context(), "stats").Val(); !strings.Contains(text, "total_error_replies:0\r\n") {
			s.Errorf("the server had to refuse something:\n%s", text)
		}
	})
}

func TestLags(t *testing.T) {
	t.Parallel()
	online := func(host string, offset int64) Replica { return Replica{Host: host, State: "online", Offset: offset} }
	i := Info{replication: replication{Offset: 100, Replicas: []Replica{
		online("orders-db-1.orders-db.default.svc", 10), // a connection that is dead, as nobody has told the server yet
		online("orders-db-1.orders-db.default.svc", 90),
		online("orders-db-2", 101), // said after the primary's own offset was read
		{Host: "orders-db-3.orders-db", State: "send_bulk"},
		online("127.0.0.1", 100), online("", 100), online("stranger", 100), online("ORDERS-DB-4", 100),
	}}}
	want := map[string]lag{"orders-db-1": {bytes: 10}, "orders-db-2": {}}
	if got := lags(i); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLargest(t *testing.T) {
	t.Parallel()
	var all []Database
	for n := range int64(50) {
		all = append(all, Database{Name: fmt.Sprint(n), Keys: n % 25})
	}
	before := slices.Clone(all)
	got := largest(all)
	if len(got) != maxDatabases || got[0].Name != "24" || got[1].Name != "49" || got[19].Keys != 15 {
		t.Errorf("got %v", got)
	}
	if !reflect.DeepEqual(all, before) {
		t.Error("what the server said was changed")
	}
}
