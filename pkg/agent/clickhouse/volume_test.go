// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// aPlan has a member and a keeper.
var aPlan = engine.Plan{
	Build: "18.16.1", Cluster: "orders", SystemID: "1",
	Members: []engine.PlanMember{
		{Name: "orders-db-0"}, {Name: "orders-db-keeper-0", Component: clickhouse.KeeperComponent},
	},
}

// TestAQuorumIsMissedOnceThereWasOne: keepers that are still to be born are no problem; keepers that were there are.
func TestAQuorumIsMissedOnceThereWasOne(t *testing.T) {
	t.Parallel()
	d, k := New(Options{Member: "orders-db-0", Root: t.TempDir()}), NewKeeper(Options{Root: t.TempDir()})
	for i, v := range []*volume{&d.volume, &k.volume} {
		if err := v.initialise(aPlan, aPlan.Members[i]); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-time.Hour)
	d.run.lost, k.lost = long, long
	if p, q := d.waiting(aPlan), k.waiting(); p != nil || q != nil {
		t.Errorf("at birth the problems are %v and %v", p, q)
	}
	for _, v := range []*volume{&d.volume, &k.volume} {
		if err := v.join(); err != nil {
			t.Fatal(err)
		}
	}
	if p, q := d.waiting(aPlan), k.waiting(); p == nil || q == nil {
		t.Errorf("later the problems are %v and %v", p, q)
	}
}

// TestStranded: a server that does not find keepers which are there is given up after a while, the members of a shard
// one after the other.
func TestStranded(t *testing.T) {
	t.Parallel()
	mode := "follower"
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			word := make([]byte, 4)
			_, _ = io.ReadFull(there, word)
			_, _ = io.WriteString(there, "Mode: "+mode+"\n")
			_ = there.Close()
		}()
		return here, nil
	}
	plan := aPlan
	plan.Members = append([]engine.PlanMember{{Name: "orders-db-1"}}, plan.Members...)
	first, second := New(Options{Member: "orders-db-1", Dial: dial}), New(Options{Member: "orders-db-0", Dial: dial})
	for i, tt := range []struct {
		mode                  string
		since                 time.Duration
		wantFirst, wantSecond bool
	}{
		{"follower", 0, false, false},
		{"follower", strandedFor + time.Second, true, false},
		{"follower", strandedFor + strandedTurn + time.Second, true, true},
		{"unknown", time.Hour, false, false},
		{"follower", 0, false, false},
	} {
		mode = tt.mode
		for d, want := range map[*Driver]bool{first: tt.wantFirst, second: tt.wantSecond} {
			d.run.lost = time.Now().Add(-time.Hour)
			if tt.since > 0 {
				d.run.stranded = time.Now().Add(-tt.since)
			}
			if got := d.isStranded(t.Context(), plan); got != want {
				t.Errorf("%d: %s is stranded: %t, want %t", i, d.options.Member, got, want)
			}
		}
	}
}

// TestTraces: a server says of each replicated table that it is there, and of no other.
func TestTraces(t *testing.T) {
	t.Parallel()
	d := New(Options{Member: "orders-db-0", Root: t.TempDir()})
	directory := filepath.Join(d.volume.data(), "metadata", "app")
	if err := os.MkdirAll(directory, dataMode); err != nil {
		t.Fatal(err)
	}
	for name, statement := range map[string]string{
		"seen.sql": "ATTACH TABLE seen (n UInt32) ENGINE = " +
			"ReplicatedMergeTree('/tables/{cluster}/{shard}/seen', '{replica}') ORDER BY n",
		"alone.sql": "ATTACH TABLE alone (n UInt32) ENGINE = MergeTree ORDER BY n",
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(statement), secretMode); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.traces(aPlan)
	if want := []string{"/tables/orders/0/seen/replicas/orders-db-0/is_active"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
