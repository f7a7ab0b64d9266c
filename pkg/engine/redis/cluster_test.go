// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

func TestParseNodes(t *testing.T) {
	t.Parallel()
	text := strings.Join([]string{
		"a 10.0.0.1:6379@16379,orders-db-0-0.x myself,master - 0 0 3 connected 0-2 7 [1->-b] [9-<-c]",
		"b 10.0.0.2:6379@16379,orders-db-0-1.x,,tls-port=6379,shard-id=s slave,fail? a 0 0 3 connected",
		"c [fd00::1]:6379@16379, master,fail - 0 0 4 disconnected 8192",
		"d :0@0 master,noaddr - 0 0 0 disconnected",
	}, "\n")
	got, err := ParseNodes(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	none := map[int]string{}
	want := []Node{
		{ID: "a", Host: "orders-db-0-0.x", Address: "10.0.0.1", Myself: true, Primary: true, Epoch: 3,
			Slots: []int{0, 1, 2, 7}, Migrating: map[int]string{1: "b"}, Importing: map[int]string{9: "c"}},
		{ID: "b", Host: "orders-db-0-1.x", Address: "10.0.0.2", Following: "a", Silent: true, Epoch: 3,
			Migrating: none, Importing: none},
		{ID: "c", Address: "[fd00::1]", Primary: true, Failed: true, Silent: true, Epoch: 4, Slots: []int{8192},
			Migrating: none, Importing: none},
		{ID: "d", Primary: true, Silent: true, Migrating: none, Importing: none},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, bad := range []string{
		"a b", "a 1:1@1 master - 0 0 x connected", "a 1:1@1 master - 0 0 1 connected 16384",
		"a 1:1@1 master - 0 0 1 connected [5]", "a 1:1@1 master - 0 0 1 connected 5-x",
	} {
		if _, err := ParseNodes(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// clusterOf is what the first member sees of a cluster of three shards of two members, formed and whole.
func clusterOf(change func(c *Cluster)) Cluster {
	c := Cluster{Member: "orders-db-0-0", Joined: true, Plan: engine.Plan{
		Shards: 3, SystemID: "7", Initialiser: "",
	}}
	for shard := range 3 {
		addShard(&c, shard)
		end := 0
		for s := range shard + 1 {
			end += share(3, s)
		}
		primary := &c.Nodes[2*shard]
		for s := end - share(3, shard); s < end; s++ {
			primary.Slots = append(primary.Slots, s)
		}
	}
	c.Nodes[0].Myself = true
	change(&c)
	return c
}

// addShard adds a primary and its replica.
func addShard(c *Cluster, shard int) {
	for ordinal := range 2 {
		name := fmt.Sprintf("orders-db-%d-%d", shard, ordinal)
		c.Plan.Members = append(c.Plan.Members, engine.PlanMember{Name: name, Host: name + ".x", Shard: shard})
		n := Node{ID: fmt.Sprintf("id-%d-%d", shard, ordinal), Host: name + ".x", Primary: ordinal == 0}
		if ordinal == 1 {
			n.Following = fmt.Sprintf("id-%d-0", shard)
		}
		c.Nodes = append(c.Nodes, n)
	}
}

// seenBy lets another member look.
func seenBy(c *Cluster, i int) {
	c.Nodes[0].Myself, c.Nodes[i].Myself = false, true
	c.Member = c.Plan.Members[i].Name
}

// unborn is the cluster before it was formed.
func unborn(c *Cluster) {
	c.Joined, c.Plan.SystemID, c.Plan.Initialiser = false, "", "orders-db-0-0"
	for i := range c.Nodes {
		c.Nodes[i].Slots, c.Nodes[i].Primary, c.Nodes[i].Following = nil, true, ""
	}
}

// said is a move in short.
func said(moves []Move) string {
	var all []string
	for _, m := range moves {
		text := string(m.Kind) + " " + m.Member.Name + m.Node
		if len(m.Slots) > 0 {
			text += fmt.Sprintf(" %d-%d", m.Slots[0], m.Slots[len(m.Slots)-1])
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestMoves(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *Cluster)
		want   string
	}{
		"a cluster at rest": {func(*Cluster) {}, ""},
		"it is formed by its initialiser": {unborn,
			"Claim orders-db-0-0 0-5461, Claim orders-db-1-0 5462-10922, Claim orders-db-2-0 10923-16383"},
		"nobody else forms it": {func(c *Cluster) { unborn(c); seenBy(c, 2) }, ""},
		"it is not formed before all know each other": {func(c *Cluster) { unborn(c); c.Nodes[5].Silent = true },
			"Meet orders-db-2-1"},
		"what has an owner keeps it": {func(c *Cluster) { unborn(c); c.Nodes[2].Slots = []int{0, 5462} },
			"Claim orders-db-0-0 1-5461, Claim orders-db-1-0 5463-10922, Claim orders-db-2-0 10923-16383"},
		"an empty volume forms no second cluster": {func(c *Cluster) {
			unborn(c)
			c.Plan.SystemID = "7"
		}, ""},
		"nor does one whose plan still knows of no data": {func(c *Cluster) { unborn(c); c.Joined = true }, ""},
		"a new member follows its shard's primary": {func(c *Cluster) {
			seenBy(c, 1)
			c.Joined, c.Nodes[1].Primary, c.Nodes[1].Following = false, true, ""
		}, "Follow id-0-0"},
		"a replica that looks for its primary where that was": {func(c *Cluster) {
			seenBy(c, 1)
			c.Nodes[0].Address, c.Missed = "10.0.0.2", "10.0.0.1"
		}, "Follow id-0-0"},
		"a replica whose primary is not there": {func(c *Cluster) {
			seenBy(c, 1)
			c.Nodes[0].Address, c.Missed = "10.0.0.2", "10.0.0.2"
		}, ""},
		"a replica of another shard comes home": {func(c *Cluster) { seenBy(c, 1); c.Nodes[1].Following = "id-1-0" },
			"Follow id-0-0"},
		"a server that owns slots follows nobody": {func(c *Cluster) {
			c.Nodes[1].Primary, c.Nodes[1].Slots = true, []int{1}
		}, ""},
		"a member at another address":  {func(c *Cluster) { c.Nodes[3].Failed = true }, "Meet orders-db-1-1"},
		"a member that was never seen": {func(c *Cluster) { c.Nodes = c.Nodes[:5] }, "Meet orders-db-2-1"},
		"a member that is gone": {func(c *Cluster) { c.Plan.Members = c.Plan.Members[:5]; c.Nodes[5].Failed = true },
			"Forget id-2-1"},
		"a member that is gone and owns slots": {func(c *Cluster) {
			c.Plan.Members, c.Plan.Shards = c.Plan.Members[:4], 2
			c.Nodes[4].Failed = true
		}, ""},
		"the former self of a volume that was lost": {func(c *Cluster) {
			c.Nodes = append(c.Nodes, Node{ID: "old", Host: "orders-db-1-1.x", Failed: true})
		}, "Forget old"},
		"a new shard gets its share from the first that has more": {func(c *Cluster) { c.Plan.Shards = 4; addShard(c, 3) },
			"Send orders-db-3-0id-3-0 5398-5461"},
		"and from one shard at a time": {func(c *Cluster) { c.Plan.Shards = 4; addShard(c, 3); seenBy(c, 2) }, ""},
		"not while a shard has no primary that answers": {func(c *Cluster) {
			c.Plan.Shards = 4
			addShard(c, 3)
			c.Nodes[4].Silent = true
		}, "Meet orders-db-2-0"},
		"a shard that leaves": {func(c *Cluster) { c.Plan.Shards = 2; seenBy(c, 4) },
			"Send orders-db-0-0id-0-0 16320-16383"},
		"a slot that moves already comes first": {func(c *Cluster) { c.Nodes[0].Migrating = map[int]string{5: "id-1-0"} },
			"Send orders-db-1-0id-1-0 5-5"},
		"and goes to who is primary there by now": {func(c *Cluster) {
			c.Nodes[0].Migrating = map[int]string{5: "id-1-0"}
			c.Nodes[3].Slots, c.Nodes[2].Slots = c.Nodes[2].Slots, nil
			c.Nodes[3].Primary, c.Nodes[2].Primary = true, false
		}, "Send orders-db-1-1id-1-1 5-5"},
		"a successor is reminded of what it was sending": {func(c *Cluster) {
			c.Nodes[0].Importing = map[int]string{6000: "id-1-1"}
		}, "Remind orders-db-1-0id-0-0 6000-6000"},
		"what has come is settled": {func(c *Cluster) { c.Nodes[0].Importing = map[int]string{5: "id-1-0"} }, "Settle  5-5"},
	} {
		if got := said(clusterOf(tt.change).Moves()); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

func TestAShardIsDrained(t *testing.T) {
	t.Parallel()
	leaving := func(c *Cluster) { c.Plan.Shards = 2; seenBy(c, 5) }
	if clusterOf(leaving).Drained() {
		t.Error("a shard with slots is drained")
	}
	empty := clusterOf(func(c *Cluster) { leaving(c); c.Nodes[4].Slots = nil })
	if !empty.Drained() {
		t.Error("a shard without slots is not drained")
	}
	if empty.Plan.Shards = 3; empty.Drained() {
		t.Error("a shard that stays is drained")
	}
}

func TestSharesAreAllSlots(t *testing.T) {
	t.Parallel()
	for shards := 1; shards <= 32; shards++ {
		total := 0
		for shard := range shards + 1 {
			n := share(shards, shard)
			if total += n; shard < shards && n != Slots/shards && n != Slots/shards+1 {
				t.Errorf("shard %d of %d has %d slots", shard, shards, n)
			}
		}
		if total != Slots {
			t.Errorf("%d shards have %d slots", shards, total)
		}
	}
}

func TestClusterRunbook(t *testing.T) {
	t.Parallel()
	leads := func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true} }
	asked := &engine.Switchover{ID: "op", From: "orders-db-0-0", Target: "orders-db-0-1"}
	for name, tt := range map[string]struct {
		change func(o *observation)
		want   runbook.StepKind
	}{
		"another process has the lock": {func(o *observation) { o.Volume.Locked = false }, runbook.StepWait},
		"an empty volume":              {func(o *observation) { o.Volume.HasData = false }, runbook.StepInitialise},
		"a server that is down":        {func(*observation) {}, runbook.StepStartReplica},
		"a primary that died":          {func(o *observation) { o.Volume.Resting = true }, runbook.StepWait},
		"a primary that died, with an heir": {func(o *observation) {
			o.Volume.Resting, o.Volume.Heir = true, "orders-db-0-1"
		}, runbook.StepHandOver},
		"asked to hand over while nobody would be elected": {func(o *observation) {
			leads(o)
			o.Plan.Switchover, o.Server.Settling = asked, true
		}, runbook.StepTend},
		"ending while nobody would be elected": {func(o *observation) {
			leads(o)
			o.Stopping, o.Server.Settling, o.Server.Attached = true, true, []string{"orders-db-0-1"}
		}, runbook.StepWait},
		"the data of another cluster": {func(o *observation) { o.Volume.SystemID = "8" }, runbook.StepWait},
		"a server that loads":         {func(o *observation) { o.Server.Running = true }, runbook.StepWait},
		"a server that runs":          {leads, runbook.StepTend},
		"a cluster that stops runs to the end": {func(o *observation) { leads(o); o.Plan.PowerState = "Stopped" },
			runbook.StepTend},
		"a fenced member": {func(o *observation) { leads(o); o.Plan.FencedMembers = []string{o.Member} },
			runbook.StepStopServer},
		"a switchover": {func(o *observation) { leads(o); o.Plan.Switchover = asked }, runbook.StepHandOver},
		"a switchover that was tried": {func(o *observation) { leads(o); o.Plan.Switchover = asked; o.Declined = "op" },
			runbook.StepTend},
		"a switchover of a primary without slots": {func(o *observation) {
			leads(o)
			o.Plan.Switchover, o.Server.Empty = asked, true
		}, runbook.StepTend},
		"a switchover of a replica": {func(o *observation) {
			leads(o)
			o.Server.InRecovery, o.Plan.Switchover = true, asked
		}, runbook.StepTend},
		"a primary whose pod ends": {func(o *observation) { leads(o); o.Stopping = true; o.Server.Attached = []string{"x"} },
			runbook.StepHandOver},
		"a primary whose pod ends, without replicas": {func(o *observation) { leads(o); o.Stopping = true },
			runbook.StepStopServer},
	} {
		o := observation{
			Member: "orders-db-0-0", Plan: engine.Plan{SystemID: "7"},
			Volume: runbook.Volume{Locked: true, HasData: true, SystemID: "7"},
		}
		tt.change(&o)
		if got := runbook.Converge(ClusterRunbook, o); got.Kind != tt.want {
			t.Errorf("%s: %s (%s), want %s", name, got.Kind, got.Reason, tt.want)
		}
	}
}

// TestVoters: the others that have slots vote, and one that still takes a replica for a primary has not heard of it.
func TestVoters(t *testing.T) {
	t.Parallel()
	c := clusterOf(func(c *Cluster) { c.Nodes[4].Slots = nil })
	if got := c.Voters(); len(got) != 1 || got[0].Name != "orders-db-1-0" {
		t.Errorf("voters are %v", got)
	}
	if !c.Sees("orders-db-0-1", "id-0-0") || c.Sees("orders-db-0-1", "id-1-0") || c.Sees("orders-db-7-1", "id-0-0") {
		t.Error("what it sees is not what is there")
	}
	c.Nodes[1].Primary, c.Nodes[1].Following = true, ""
	if c.Sees("orders-db-0-1", "id-0-0") {
		t.Error("a former primary is seen to follow before anybody was told")
	}
}
