// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestReal18Killed: a member that was killed takes writes as soon as its server is back, and does not wait for the
// keepers to find out that the former one is dead.
func TestReal18Killed(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, insert(3))
	second.kill()
	began := time.Now()
	s.until("a write to the member that was killed", func(o runbook.Observation) bool {
		return o.Server.Accepting && second.app().Exec(t.Context(), insert(5)) == nil
	}, second)
	if took := time.Since(began); took > keeperSession*3/4 {
		t.Errorf("it took %s", took)
	}
}

// TestReal18FailedQuorum: what the replicas have agreed to give up goes, from whoever still has it, and so does what
// the keepers were never told of.
func TestReal18FailedQuorum(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, insert(3), insert(4), insert(50))
	s.must(withKeepers(t.Context(), s.plan, func(client *zk.Conn) error {
		const failed = "/clickhouse/tables/orders/0/app/t/quorum/failed_parts/all_0_0_0"
		_, err := client.Create(failed, nil, 0, zk.WorldACL(zk.PermAll))
		return err
	}))
	for _, a := range []*actor{first, second} {
		a.driver.(*Driver).gaveUp = time.Time{}
		s.until("the end of the first write", func(runbook.Observation) bool { return a.rows("app.t") == 54 }, a)
	}
	const part = "/clickhouse/tables/orders/0/app/t/replicas/orders-db-0/parts/all_1_1_0"
	s.must((&Driver{}).removeTree(t.Context(), s.plan, part))
	time.Sleep(2 * time.Second) // the server counts the age of a part in seconds
	d := first.driver.(*Driver)
	mine, err := replicas(t.Context(), d.client)
	s.must(err)
	s.must(d.giveUpIn(t.Context(), mine[0], time.Second))
	if n := first.rows("app.t"); n != 50 {
		t.Errorf("%d rows of a part that nobody knows of", n)
	}
}

// TestReal18Frozen: a member froze, and nobody but it has its last write. The others give that up, and take new ones.
func TestReal18Frozen(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3, 1)
	keeper, first, second, third := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1"),
		s.cast("orders-db-2")
	s.serve(keeper, first, second, third)
	for _, a := range []*actor{first, second, third} {
		a.says(replicated)
	}
	first.says(insert(3))
	second.signal(syscall.SIGSTOP)
	third.signal(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := first.app().Exec(ctx, insert(4)); err == nil {
		t.Error("a write was taken by one of three")
	}
	first.signal(syscall.SIGSTOP)
	second.signal(syscall.SIGCONT)
	third.signal(syscall.SIGCONT)
	began := time.Now()
	s.until("a write", func(runbook.Observation) bool {
		return second.app().Exec(t.Context(), insert(5)) == nil
	}, second, third)
	t.Logf("writes were refused for %s", time.Since(began))
	first.signal(syscall.SIGCONT)
}

// TestReal18KeeperGone: without keepers reads go on and writes are refused, which is told; then all goes on by itself.
func TestReal18KeeperGone(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, insert(3))
	first.measured(scraped{"up": 1, "replication_queue": 0, "table_readonly/app/t": 0, "keeper_sessions": 1})
	keeper.measured(scraped{"up": 1, "leader": 1})
	keeper.kill()
	keeper.measured(scraped{"up": 0})
	s.until("the problem", func(o runbook.Observation) bool { return o.Problem != nil && o.Server.Streaming }, first)
	if n := first.rows("app.t"); n != 3 {
		t.Errorf("%d rows can be read", n)
	}
	if err := first.app().Exec(t.Context(), insert(1)); err == nil {
		t.Error("a write was taken")
	}
	// Nor does an old server start, which says nothing against its settings.
	second.kill()
	s.until("a start that fails", func(o runbook.Observation) bool { return o.Crashes > 1 && o.Problem != nil }, second)
	s.serve(keeper, first, second)
	s.until("a write", func(runbook.Observation) bool {
		return first.app().Exec(t.Context(), insert(4)) == nil
	}, keeper, first, second)
	if refused := second.driver.(*Driver).config.complaint; refused != "" {
		t.Errorf("the settings are blamed: %s", refused)
	}
}
