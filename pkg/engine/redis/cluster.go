// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"maps"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Cluster is a Redis Cluster as the server of one member sees it, held against the plan.
type Cluster struct {
	// Member is the member, Plan the newest plan.
	Member string
	Plan   engine.Plan
	// Joined says that the member's volume has its part of the cluster's data; Nodes are what its server sees.
	Joined bool
	Nodes  []Node
	// Missed is the address at which a replica's server looks for its primary in vain; "" when it receives.
	Missed string
}

// Myself is the member's own node.
func (c Cluster) Myself() Node {
	if i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Myself }); i >= 0 {
		return c.Nodes[i]
	}
	return Node{}
}

// Formed says that the cluster's data was born, and that the server has heard where it is. Before its birth that is
// when every slot has an owner; afterwards some, since a slot that moves is nobody's for a moment in the eyes of the
// others.
func (c Cluster) Formed() bool {
	owned := 0
	for _, n := range c.Nodes {
		owned += len(n.Slots)
	}
	return owned == Slots || (owned > 0 && (c.Joined || c.Plan.SystemID != ""))
}

// node is that of a member. One whose volume was lost leaves another behind under the same host: the one that is there
// counts.
func (c Cluster) node(m engine.PlanMember) Node {
	var found Node
	for _, n := range c.Nodes {
		if n.Host == m.Host && (found.ID == "" || (n.Myself || n.Well()) && !found.Myself) {
			found = n
		}
	}
	return found
}

// shard is that of the member.
func (c Cluster) shard() int {
	me, _ := c.Plan.Member(c.Member)
	return me.Shard
}

// Primary is the primary of a shard: the one that has slots. In a shard that has none yet it is the one that others
// follow, or else the first.
func (c Cluster) Primary(shard int) Node {
	var best Node
	rank := func(n Node) int {
		followed := slices.ContainsFunc(c.Nodes, func(other Node) bool { return other.Following == n.ID })
		switch {
		case len(n.Slots) > 0:
			return 2
		case followed:
			return 1
		}
		return 0
	}
	for _, m := range c.Plan.InShard(shard) {
		for _, n := range c.Nodes {
			if n.Host == m.Host && n.Primary && (best.ID == "" || rank(n) > rank(best)) {
				best = n
			}
		}
	}
	return best
}

// Leads says that the member is its shard's primary.
func (c Cluster) Leads() bool {
	me := c.Myself()
	return c.Formed() && me.Primary && c.Primary(c.shard()).ID == me.ID
}

// Followed says that the member is followed by another, and that its server knows. One that has just changed sides
// sends data before the gossip has told of it, and what it then asks of its new primary is ignored [seen].
func (c Cluster) Followed(by string) bool { return c.Sees(by, c.Myself().ID) }

// Sees says that the server knows of a member that it follows a node.
func (c Cluster) Sees(member, following string) bool {
	m, planned := c.Plan.Member(member)
	return planned && c.node(m).ID != "" && c.node(m).Following == following
}

// Voters are the members that elect the member's successor, beside itself: the primaries that have slots.
func (c Cluster) Voters() (voters []engine.PlanMember) {
	for _, n := range c.Nodes {
		if m, planned := c.memberOf(n); planned && n.Primary && !n.Myself && len(n.Slots) > 0 {
			voters = append(voters, m)
		}
	}
	return voters
}

// Drained says that the member's shard is to go and owns nothing any more.
func (c Cluster) Drained() bool {
	if !c.Plan.Leaving(c.shard()) || !c.Formed() {
		return false
	}
	return !slices.ContainsFunc(c.Plan.InShard(c.shard()), func(m engine.PlanMember) bool {
		return slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Host == m.Host && len(n.Slots) > 0 })
	})
}

// memberOf is the planned member that a node is.
func (c Cluster) memberOf(n Node) (engine.PlanMember, bool) {
	i := slices.IndexFunc(c.Plan.Members, func(m engine.PlanMember) bool { return m.Host == n.Host })
	if i < 0 || n.Host == "" {
		return engine.PlanMember{}, false
	}
	return c.Plan.Members[i], true
}

// share is how many slots each shard should have: as many as any other, the first ones one more.
func share(shards, shard int) int {
	if shard >= shards {
		return 0
	}
	n := Slots / shards
	if shard < Slots%shards {
		n++
	}
	return n
}

// moving gives the slots of a node that move now, in order.
func moving(slots map[int]string) []int { return slices.Sorted(maps.Keys(slots)) }

// shards are the indices of all shards that the plan has members of.
func (c Cluster) shards() []int {
	var all []int
	for _, m := range c.Plan.Members {
		all = append(all, m.Shard)
	}
	slices.SortFunc(all, cmp.Compare[int])
	return slices.Compact(all)
}
