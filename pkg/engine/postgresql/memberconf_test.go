// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"maps"
	"reflect"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

func TestMemberConf(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders", Members: []engine.PlanMember{{Name: other, Host: "h'; x = 'y"}}}
	for name, tt := range map[string]struct {
		settings MemberSettings
		want     map[string]string
	}{
		"follows nobody": {MemberSettings{Member: me}, map[string]string{
			"primary_conninfo": "", "synchronous_standby_names": "",
		}},
		"a hostile host stays a host": {MemberSettings{Member: third, Primary: other, Epoch: 4}, map[string]string{
			"primary_conninfo": Conninfo("h'; x = 'y", third+"/4"), "primary_slot_name": "atlasdb_2",
		}},
		"nobody of the plan is nobody": {MemberSettings{Member: me, Primary: third}, map[string]string{
			"primary_conninfo": "",
		}},
		"what is raised is raised": {
			MemberSettings{Member: me, Raised: map[string]string{"max_connections": "200"}},
			map[string]string{"max_connections": "200", "cluster_name": me},
		},
		"a quorum": {MemberSettings{Member: me, Quorum: fullQuorum, Epoch: 5}, map[string]string{
			"synchronous_standby_names": `ANY 1 ("orders-db-1/5","orders-db-2/5")`, "recovery_target_timeline": "latest",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseConfig(MemberConf(plan, tt.settings))
			if err != nil {
				t.Fatal(err)
			}
			for setting, want := range tt.want {
				if value, found := got[setting]; !found || value != want {
					t.Errorf("%s is %q (%v), want %q", setting, value, found, want)
				}
			}
		})
	}
}

var synchronousCases = map[string]struct {
	quorum engine.Quorum
	want   string
}{
	"none":                     {engine.Quorum{}, ""},
	"alone":                    {engine.MajorityOf(1, []string{me}), ""},
	"two":                      {engine.MajorityOf(2, []string{me, other}), `ANY 1 ("orders-db-1/3")`},
	"three":                    {fullQuorum, `ANY 1 ("orders-db-1/3","orders-db-2/3")`},
	"three, one was left out":  {engine.MajorityOf(3, []string{me, third}), `ANY 1 ("orders-db-2/3")`},
	"three, of which I am not": {engine.MajorityOf(3, []string{other, third}), `ANY 1 ("orders-db-1/3","orders-db-2/3")`},
}

func TestSynchronousNames(t *testing.T) {
	t.Parallel()
	for name, tt := range synchronousCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := synchronousNames(MemberSettings{Member: me, Quorum: tt.quorum, Epoch: 3}); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestServerTakesMemberConf: a server that refused the line would go on with the quorum before.
func TestServerTakesMemberConf(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders", Members: []engine.PlanMember{{Name: other, Host: "h1"}}}
	for major, server := range servers(t) {
		for name, tt := range synchronousCases {
			t.Run(major+"/"+name, func(t *testing.T) {
				t.Parallel()
				config := MemberConf(plan, MemberSettings{Member: me, Primary: other, Quorum: tt.quorum, Epoch: 3})
				if got := ask(t, server, config, "synchronous_standby_names"); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestRaise(t *testing.T) {
	t.Parallel()
	config := RenderConfig(map[string]string{"max_connections": "100", "max_wal_senders": "16"})
	for name, tt := range map[string]struct{ primary, want map[string]string }{
		"the same":             {map[string]string{"max_connections": "100", "max_wal_senders": "16"}, nil},
		"the primary has less": {map[string]string{"max_connections": "50"}, nil},
		"the primary has more": {
			map[string]string{"max_connections": "101"},
			map[string]string{"max_connections": "101"},
		},
		"the server's own default": {map[string]string{"max_locks_per_xact": "64", "max_prepared_xacts": "0"}, nil},
		"and the control file's names": {
			map[string]string{"max_locks_per_xact": "65", "max_prepared_xacts": "1"},
			map[string]string{"max_locks_per_transaction": "65", "max_prepared_transactions": "1"},
		},
		"what is no number": {map[string]string{"max_connections": "many"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Raise(config, tt.primary); !maps.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestPeerState(t *testing.T) {
	t.Parallel()
	for _, s := range []PeerState{
		{}, {Oldest: 1 << 63, Checkpointed: true, Slots: map[string]uint64{"atlasdb_1": 1<<64 - 1}},
	} {
		if got := DecodePeerState(s.Encode()); !reflect.DeepEqual(got, s) {
			t.Errorf("%+v came back as %+v", s, got)
		}
	}
	for _, unreadable := range []string{"", "{", `{"oldest": -1}`, `{"checkpointed": true, "oldest": "x"}`} {
		if got := DecodePeerState([]byte(unreadable)); !reflect.DeepEqual(got, PeerState{}) {
			t.Errorf("%q told %+v", unreadable, got)
		}
	}
}
