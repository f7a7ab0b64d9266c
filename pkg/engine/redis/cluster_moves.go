// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// MoveKind is one thing that a member does for its cluster.
type MoveKind string

// The moves.
const (
	// Meet introduces the member's server to another's, or tells it where that is now.
	Meet MoveKind = "Meet"
	// Forget strikes a node that is gone for good.
	Forget MoveKind = "Forget"
	// Claim gives slots that never had an owner to a member.
	Claim MoveKind = "Claim"
	// Follow makes the member's server a replica of a node.
	Follow MoveKind = "Follow"
	// Send moves slots, and the keys in them, from the member to a node.
	Send MoveKind = "Send"
	// Remind tells the owner of a slot that it was sending it here.
	Remind MoveKind = "Remind"
	// Settle ends the import of a slot that is here.
	Settle MoveKind = "Settle"
)

// Move is one thing to do.
type Move struct {
	// Kind says what.
	Kind MoveKind
	// Member is the other member; the zero PlanMember for none. Node is the ID of a node.
	Member engine.PlanMember
	Node   string
	// Slots are those that it is about.
	Slots []int
}

// Moves are what the member has to do now. All of them can be done again: each looks at what is there, and not at what
// was done.
func (c Cluster) Moves() []Move {
	me := c.Myself()
	if _, planned := c.Plan.Member(c.Member); me.ID == "" || !planned {
		return nil
	}
	return slices.Concat(c.meet(), c.forget(), c.claim(), c.follow(me), c.settle(me), c.send(me))
}

// meet introduces whoever is not known, or is not where it was. A server that has got a new address finds the others by
// itself, unless they all have. A stranger that has the address now does not answer: it has no certificate of this
// cluster's authority.
func (c Cluster) meet() (moves []Move) {
	for _, m := range c.Plan.Members {
		if m.Name != c.Member && !c.node(m).Well() {
			moves = append(moves, Move{Kind: Meet, Member: m})
		}
	}
	return moves
}

// forget strikes nodes that are gone: of members that the plan no longer has, and of volumes that were lost. A node
// that owns slots is never forgotten.
func (c Cluster) forget() (moves []Move) {
	me := c.Myself()
	for _, n := range c.Nodes {
		m, planned := c.memberOf(n)
		current := planned && c.node(m).ID == n.ID
		if n.Failed && !n.Myself && !current && len(n.Slots) == 0 && me.Following != n.ID {
			moves = append(moves, Move{Kind: Forget, Node: n.ID})
		}
	}
	return moves
}

// claim forms the cluster, once: only the initialiser does, only while no data was ever born, and only when all members
// know each other. What has an owner keeps it, so a member that dies in between goes on where it was.
func (c Cluster) claim() (moves []Move) {
	if c.Plan.Initialiser != c.Member || c.Plan.SystemID != "" || c.Joined {
		return nil
	}
	if slices.ContainsFunc(c.Plan.Members, func(m engine.PlanMember) bool { return !c.node(m).Well() }) {
		return nil
	}
	var owned [Slots]bool
	for _, n := range c.Nodes {
		for _, s := range n.Slots {
			owned[s] = true
		}
	}
	next := 0
	for shard := range c.Plan.Shards {
		move := Move{Kind: Claim, Member: c.Plan.InShard(shard)[0]}
		for end := next + share(c.Plan.Shards, shard); next < end; next++ {
			if !owned[next] {
				move.Slots = append(move.Slots, next)
			}
		}
		if len(move.Slots) > 0 {
			moves = append(moves, move)
		}
	}
	return moves
}

// follow makes a server that owns nothing a replica of its shard's primary. One that owns slots never follows anybody:
// its replicas vote it out, if they can. A server that hears of its primary's new address by gossip goes on to look for
// it at the old one [seen], until it is told again.
func (c Cluster) follow(me Node) []Move {
	primary := c.Primary(c.shard())
	switch {
	case !c.Formed() || len(me.Slots) > 0 || primary.ID == me.ID || !primary.Well():
		return nil
	case me.Following == primary.ID && (c.Missed == "" || c.Missed == primary.Address):
		return nil
	}
	return []Move{{Kind: Follow, Node: primary.ID}}
}

// settle looks after the slots that are being imported. The owner may have failed over, and its successor knows nothing
// of what it was sending: who has the keys that came already tells it.
func (c Cluster) settle(me Node) (moves []Move) {
	for _, s := range moving(me.Importing) {
		for _, n := range c.Nodes {
			owner, planned := c.memberOf(n)
			switch {
			case !slices.Contains(n.Slots, s):
			case n.Myself:
				moves = append(moves, Move{Kind: Settle, Slots: []int{s}})
			case planned && n.Well():
				moves = append(moves, Move{Kind: Remind, Member: owner, Node: me.ID, Slots: []int{s}})
			}
		}
	}
	return moves
}

// together is how many slots move in one go: others look on in between.
const together = 64

// send moves slots away. One that moves already goes on, whoever began, to whoever is primary there now. Else one shard
// at a time gives what it has beyond its share, the first that has, to the first that has less: each change of the
// receiver is an epoch.
func (c Cluster) send(me Node) []Move {
	if !c.Joined || !c.Leads() || !c.healthy() {
		return nil
	}
	if begun := moving(me.Migrating); len(begun) > 0 {
		return c.sendTo(c.shardOf(me.Migrating[begun[0]]), begun[:1])
	}
	giver, taker := c.imbalance()
	if giver != c.shard() || taker < 0 {
		return nil
	}
	n := min(c.excess(giver), -c.excess(taker), together)
	return c.sendTo(taker, me.Slots[len(me.Slots)-n:])
}

func (c Cluster) sendTo(shard int, slots []int) []Move {
	to := c.Primary(shard)
	member, planned := c.memberOf(to)
	if !planned || to.Myself {
		return nil
	}
	return []Move{{Kind: Send, Member: member, Node: to.ID, Slots: slots}}
}

// shardOf is the shard of a node; -1 when it is nobody's.
func (c Cluster) shardOf(id string) int {
	for _, n := range c.Nodes {
		if m, planned := c.memberOf(n); planned && n.ID == id {
			return m.Shard
		}
	}
	return -1
}

// healthy says that every shard has a primary that can be spoken to: slots are no matter for a cluster that fails over.
func (c Cluster) healthy() bool {
	return !slices.ContainsFunc(c.shards(), func(shard int) bool { return !c.Primary(shard).Well() })
}

// imbalance is the first shard that has more slots than its share, and the first that has less; -1 for none.
func (c Cluster) imbalance() (giver, taker int) {
	giver, taker = -1, -1
	for _, shard := range c.shards() {
		switch excess := c.excess(shard); {
		case excess > 0 && giver < 0:
			giver = shard
		case excess < 0 && taker < 0:
			taker = shard
		}
	}
	return giver, taker
}

// excess is how many slots a shard has beyond its share.
func (c Cluster) excess(shard int) int {
	return len(c.Primary(shard).Slots) - share(c.Plan.Shards, shard)
}
