// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "testing"

func TestStateIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer         string
		want           keeperState
		leads, serving bool
	}{
		"a ZooKeeper that follows": {
			answer: "Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n" +
				"Latency min/avg/max: 0/0.0/0\nZxid: 0x100000005\nMode: follower\nNode count: 5\n",
			want: keeperState{Version: "3.8.0", Mode: "follower"}, serving: true,
		},
		"a ClickHouse Keeper that leads": {
			answer: "ClickHouse Keeper version: v25.8.4.13-lts-1f0f\nLatency min/avg/max: 0/0/0\nMode: leader\n",
			want:   keeperState{Version: "25.8.4.13", Mode: "leader"}, leads: true, serving: true,
		},
		"one that sees no majority": {answer: "This ZooKeeper instance is not currently serving requests\n"},
		"one that says nothing":     {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := stateIn(tt.answer)
			if got != tt.want || got.Leads() != tt.leads || got.Serving() != tt.serving {
				t.Errorf("got %+v, leads %t, serves %t", got, got.Leads(), got.Serving())
			}
		})
	}
}

func TestNumbersIn(t *testing.T) {
	t.Parallel()
	got := numbersIn("zk_version\t3.8.0-x, built on 2024\nzk_server_state\tleader\n" +
		"zk_znode_count\t5\nzk_avg_latency\t0.5\nno tab\n")
	for name, want := range map[string]float64{"zk_server_state": 1, "zk_znode_count": 5, "zk_avg_latency": 0.5} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if len(got) != 3 {
		t.Errorf("more was read than there are numbers: %v", got)
	}
	if got := numbersIn("This ZooKeeper instance is not currently serving requests\n"); len(got) != 0 {
		t.Errorf("a keeper that sees no majority tells %v", got)
	}
}
