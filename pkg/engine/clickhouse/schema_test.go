// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// table is one of the application's database.
func table(name, engine string) Table { return Table{Database: "app", Name: name, Engine: engine} }

func namesOf(tables []Table) (names []string) {
	for _, t := range tables {
		names = append(names, t.Name)
	}
	return names
}

// TestMissing: what others have comes in an order in which it can be made, and once however many have it.
func TestMissing(t *testing.T) {
	t.Parallel()
	theirs := []Table{
		table("a_view", "View"), table("a_feed", "MaterializedView"), table("all", "Distributed"),
		table("events", "ReplicatedMergeTree"), table("events", "ReplicatedMergeTree"), table("old", "ReplicatedMergeTree"),
		table(".inner.a_feed", "MergeTree"), table("own", "MergeTree"), table("log", "Log"),
	}
	got := namesOf(Missing([]Table{table("old", "ReplicatedMergeTree")}, theirs))
	if want := []string{"events", "all", "a_view", "a_feed"}; !slices.Equal(got, want) {
		t.Errorf("missing are %v, want %v", got, want)
	}
	if got := namesOf(Alone(theirs)); !slices.Equal(got, []string{".inner.a_feed", "own", "log"}) {
		t.Errorf("not replicated are %v", got)
	}
}

func TestSchemaBehind(t *testing.T) {
	t.Parallel()
	if got := SchemaBehind(nil, nil); got != "" {
		t.Errorf("nothing differs, and it says %q", got)
	}
	got := SchemaBehind([]Table{table("b", "View"), table("a", "View")}, []Table{table("c", "Log")})
	if want := "missing here: app.a, app.b; not replicated: app.c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReplicaPath(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders"}
	me := PathOwner{Name: "orders-db-1-0", Shard: 1}
	for engine, want := range map[string]string{
		"ReplicatedMergeTree('/t/{cluster}/{shard}/{database}/{table}', '{replica}')": "/t/orders/1/app/t",
		"ReplicatedSummingMergeTree('/fixed', '{replica}')":                           "/fixed",
		"ReplicatedMergeTree('/t/{uuid}', '{replica}')":                               "",
		"MergeTree": "",
	} {
		create := "CREATE TABLE app.t (id UInt64) ENGINE = " + engine + " ORDER BY id"
		got, found := ReplicaPath(plan, me, Table{Database: "app", Name: "t", Create: create})
		if found != (want != "") || (found && got != want) {
			t.Errorf("%s is at %q (%t), want %q", create, got, found, want)
		}
	}
}

// TestLagging: a table lags behind a sibling that is further, and never behind what nobody has.
func TestLagging(t *testing.T) {
	t.Parallel()
	at := func(path string, delay uint64) Replica { return Replica{Path: path, Delay: delay} }
	all := func(replicas ...Replica) []Replica { return replicas }
	for name, tt := range map[string]struct {
		mine, siblings []Replica
		want           bool
	}{
		"nobody to compare with":        {mine: all(at("/t", 3600))},
		"a sibling that has all":        {mine: all(at("/t", 60)), siblings: all(at("/t", 0)), want: true},
		"nearly level":                  {mine: all(at("/t", MostDelay)), siblings: all(at("/t", 0))},
		"all wait for the same":         {mine: all(at("/t", 600)), siblings: all(at("/t", 598))},
		"another table's replica":       {mine: all(at("/t", 60)), siblings: all(at("/u", 0))},
		"a sibling that learns no more": {mine: all(at("/t", 60)), siblings: all(Replica{Path: "/t", ReadOnly: true})},
		"one of two is further":         {mine: all(at("/t", 60)), siblings: all(at("/t", 90), at("/t", 1)), want: true},
		"one of two tables is behind":   {mine: all(at("/t", 0), at("/u", 60)), siblings: all(at("/u", 0)), want: true},
	} {
		if got := Lagging(tt.mine, tt.siblings); got != tt.want {
			t.Errorf("%s: lagging %t, want %t", name, got, tt.want)
		}
	}
}

// TestLeft: only who was a member of this cluster can have left it.
func TestLeft(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders", Members: []engine.PlanMember{
		{Name: "orders-db-0"}, {Name: "orders-db-1-0", Shard: 1},
	}}
	replicas := strings.Fields("orders-db-0 orders-db-1-0 orders-db-2 orders-db-1-1 reorders-db-3 orders-db-x r1")
	if got := Left(plan, replicas); !slices.Equal(got, []string{"orders-db-2", "orders-db-1-1"}) {
		t.Errorf("left are %v", got)
	}
}

// TestPathInShard: where a member has a table tells where other shards have theirs, unless the path is its own.
func TestPathInShard(t *testing.T) {
	t.Parallel()
	const id = "0b1e6d5c-0000-4000-8000-00000000000a"
	plan := engine.Plan{Cluster: "orders"}
	me := engine.PlanMember{Name: "orders-db-0-0"}
	for name, tt := range map[string]struct{ at, mine, want string }{
		"by the shard":                {"/t/{shard}/{table}", "/t/0/t", "/t/2/t"},
		"the same for all":            {"/t/{table}", "/t/t", ""},
		"by an identity":              {"/t/{uuid}/{shard}", "/t/" + id + "/0", "/t/" + id + "/2"},
		"made before the member came": {"/t/{shard}/{table}", "/elsewhere", ""},
		"in words of the server's":    {"/t/{layer}/{shard}", "/t/x/0", ""},
	} {
		create := "CREATE TABLE app.t (id UInt64) ENGINE = ReplicatedMergeTree('" + tt.at + "', '{replica}') ORDER BY id"
		got, found := PathInShard(plan, me, Table{Database: "app", Name: "t", Create: create}, tt.mine, 2)
		if found != (tt.want != "") || (found && got != tt.want) {
			t.Errorf("%s: %q (%t), want %q", name, got, found, tt.want)
		}
	}
}

// TestLeftDatabase: a shared database is remembered by shard and name.
func TestLeftDatabase(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders", Members: []engine.PlanMember{{Name: "orders-db-0-0"}}}
	got := LeftDatabase(plan, []string{"0|orders-db-0-0", "1|orders-db-1-0", "0|stranger", "orders-db-2-0"})
	if want := []PathOwner{{Name: "orders-db-1-0", Shard: 1}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
