// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestReal18OneMember: a member alone needs no keeper, and has the application's database.
func TestReal18OneMember(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1, 0)
	a := s.cast("orders-db-0")
	s.serve(a)
	a.says("CREATE TABLE app.t (id UInt64) ENGINE = MergeTree ORDER BY id", insert(2))
	if n := a.rows("app.t"); n != 2 {
		t.Errorf("%d rows", n)
	}
	a.measured(scraped{"up": 1, "rows": 2, "parts": 1, "readonly_replicas": 0, "keeper_sessions": 0})
	a.kill()
	s.until("the next life of the server", func(o runbook.Observation) bool { return o.Server.Streaming }, a)
	if n := a.rows("app.t"); n != 2 {
		t.Errorf("%d rows after a crash", n)
	}
}

// replicated makes the table. ON CLUSTER would not do here: by it a server finds itself by the address of an interface,
// and these have one interface together.
const replicated = "CREATE TABLE app.t (id UInt64) ENGINE = " +
	"ReplicatedMergeTree('/clickhouse/tables/{cluster}/{shard}/app/t', '{replica}') ORDER BY id"

// insert puts some rows into the table, whose numbers are those from 0.
func insert(rows int) string {
	return fmt.Sprintf("INSERT INTO app.t SELECT number FROM numbers(%d)", rows)
}

// TestReal18NewMember: a member that joins gets the tables and the data of the others, and when it has left nothing
// waits for it.
func TestReal18NewMember(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3, 1)
	all := slices.Clone(s.plan.Members)
	s.plan.Members = []engine.PlanMember{all[0], all[1], all[3]}
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, "CREATE VIEW app.a AS SELECT id FROM app.t", insert(3))

	s.plan.Members = all
	third := s.cast("orders-db-2")
	s.serve(keeper, first, second, third)
	s.until("the rows", func(runbook.Observation) bool { return third.rows("app.a") == 3 }, third)

	s.plan.Members = []engine.PlanMember{all[0], all[1], all[3]}
	third.stopping = true
	s.until("the end of the third", func(o runbook.Observation) bool { return !o.Server.Running }, third)
	d := first.driver.(*Driver)
	s.until("the third to be forgotten", func(runbook.Observation) bool {
		d.swept = time.Time{}
		names, err := d.children(t.Context(), "/clickhouse/tables/orders/0/app/t/replicas")
		return err == nil && len(names) == 2
	}, first, second)

	// It comes again with an empty volume, and the keepers would not know it from the one that it was.
	s.plan.Members = all
	third = s.cast("orders-db-2")
	s.serve(keeper, first, second, third)
	s.until("the rows again", func(runbook.Observation) bool { return third.rows("app.a") == 3 }, third)
}

// TestReal18TableThatCannotBeMade: a new member that cannot have a table of the others says which, and why.
func TestReal18TableThatCannotBeMade(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	all := slices.Clone(s.plan.Members)
	s.plan.Members = []engine.PlanMember{all[0], all[2]}
	keeper, first := s.cast("orders-db-keeper-0"), s.cast("orders-db-0")
	s.serve(keeper, first)
	first.says("CREATE TABLE app.base (id UInt64) ENGINE = Memory",
		"CREATE MATERIALIZED VIEW app.feed TO app.base AS SELECT id FROM app.base", "DROP TABLE app.base")
	s.plan.Members = all
	second := s.cast("orders-db-1")
	s.until("what is behind", func(o runbook.Observation) bool {
		return strings.Contains(o.SchemaBehind, "missing")
	}, second)
	second.driver.(*Driver).run.began = time.Now().Add(-teachersWithin)
	o := second.pass()
	if o.Server.Streaming || o.Problem == nil || o.Problem.Reason != v1alpha1.ReasonSchemaBehind ||
		!strings.Contains(o.Problem.Message, "app.feed") || !strings.Contains(o.Problem.Message, "app.base") {
		t.Errorf("level: %t, problem %+v", o.Server.Streaming, o.Problem)
	}
	first.says("DROP TABLE app.feed")
	s.until("a level member", func(o runbook.Observation) bool {
		return o.Server.Streaming && o.Problem == nil
	}, first, second)
}

// TestReal18LostVolume: a member whose volume is gone gets everything again, under the name that it had.
func TestReal18LostVolume(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, insert(3))
	second.kill()
	second = s.cast("orders-db-1")
	s.serve(keeper, first, second)
	s.until("the rows", func(runbook.Observation) bool { return second.rows("app.t") == 3 }, second)
}

// TestReal18ShardLeft: what a shard that left had in the keepers' tree is removed by a member that remains.
func TestReal18ShardLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	all := slices.Clone(s.plan.Members)
	all[1].Name, all[1].Shard = "orders-db-1-0", 1
	all[0].Name = "orders-db-0-0"
	s.plan.Members, s.plan.Shards, s.plan.Initialiser = all, 2, all[0].Name
	keeper, stays, leaves := s.cast("orders-db-keeper-0"), s.cast("orders-db-0-0"), s.cast("orders-db-1-0")
	s.serve(keeper, stays, leaves)
	stays.says(replicated)
	leaves.says(replicated)
	leaves.stopping = true
	s.until("the end of the shard", func(o runbook.Observation) bool { return !o.Server.Running }, leaves)
	s.plan.Members, s.plan.Shards = []engine.PlanMember{all[0], all[2]}, 1
	d := stays.driver.(*Driver)
	s.until("the shard to be forgotten", func(runbook.Observation) bool {
		d.swept = time.Time{}
		there, err := d.children(t.Context(), "/clickhouse/tables/orders/1/app")
		return err == nil && len(there) == 0
	}, stays)
	if there, err := d.children(t.Context(), "/clickhouse/tables/orders/0/app"); err != nil || len(there) != 1 {
		t.Errorf("of the shard that stays there are %v, %v", there, err)
	}
}

// TestReal18FetchedAnew: when somebody asks for it, a member throws its data away and gets everything again.
func TestReal18FetchedAnew(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2, 1)
	keeper, first, second := s.cast("orders-db-keeper-0"), s.cast("orders-db-0"), s.cast("orders-db-1")
	s.serve(keeper, first, second)
	second.says(replicated)
	first.says(replicated, insert(3))
	s.plan.Rebuild = &engine.Rebuild{ID: "1", Member: second.name}
	s.until("the answer to the request", func(o runbook.Observation) bool {
		return o.Volume.Rebuilt == "1" && o.Server.Streaming
	}, second)
	if !slices.Contains(second.took, runbook.StepClone) || second.rows("app.t") != 3 {
		t.Errorf("it took %v, and has %d rows", second.took, second.rows("app.t"))
	}
}

// TestReal18Parameters: one that a running server takes over is set at once, another waits for a restart, and a bad one
// costs nothing.
func TestReal18Parameters(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1, 0)
	a := s.cast("orders-db-0")
	s.serve(a)
	setting := func(name string) (value string) {
		s.must(a.app().QueryRow(t.Context(),
			"SELECT value FROM system.settings WHERE name = "+clickhouse.Text(name)).Scan(&value))
		return value
	}
	s.parameters = map[string]string{"max_block_size": "4096", "mark_cache_size": "33554432"}
	s.until("the setting", func(runbook.Observation) bool { return setting("max_block_size") == "4096" }, a)
	if a.pass(); len(a.tended.Pending) != 0 && !slices.Contains(a.tended.Pending, "mark_cache_size") {
		t.Errorf("pending are %v", a.tended.Pending)
	}
	s.plan.RestartMember = a.name
	s.until("the restart", func(o runbook.Observation) bool {
		return o.Server.Accepting && slices.Contains(a.took, runbook.StepStopServer) && len(o.Pending) == 0
	}, a)
}
