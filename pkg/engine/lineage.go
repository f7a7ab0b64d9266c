// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"slices"
)

// Promotion is one change of primary as the data remembers it.
type Promotion struct {
	// Epoch is the epoch in which a member was promoted; every promotion of a cluster has another.
	Epoch int64 `json:"epoch"`
	// Timeline is the engine's own number for the history that began then. Two promotions may carry the same number,
	// when neither knew of the other, which is why it never decides anything alone.
	Timeline int64 `json:"timeline"`
	// Position is where the history before ended and the new one began, in bytes.
	Position uint64 `json:"position"`
}

// Lineage is where a member's data comes from: the promotions that it has followed, the oldest first.
type Lineage []Promotion

// MaxLineage is how many promotions are remembered. Members whose common past is older count as strangers to each
// other, and the one that is not primary copies anew.
const MaxLineage = 64

// With gives the lineage after one more promotion.
func (l Lineage) With(p Promotion) Lineage {
	next := append(append(Lineage{}, l...), p)
	return next[max(0, len(next)-MaxLineage):]
}

// At gives the part of the lineage that data up to a position has reached. A follower notes a promotion when it begins
// to follow, and it counts for nothing until the follower has received all that came before.
func (l Lineage) At(position uint64) Lineage {
	end := len(l)
	for end > 0 && l[end-1].Position > position {
		end--
	}
	return l[:end]
}

// Epoch is the epoch of the last promotion, 0 for none.
func (l Lineage) Epoch() int64 {
	if len(l) == 0 {
		return 0
	}
	return l[len(l)-1].Epoch
}

// Point is how far a member's data goes.
type Point struct {
	// Lineage is where the data comes from.
	Lineage Lineage `json:"lineage,omitempty"`
	// Position is the end of what is flushed, in bytes.
	Position uint64 `json:"position"`
}

// Compare tells whose data goes further: by the last promotion that the data has reached, then by position. All that
// was acknowledged before a promotion is part of what was promoted, hence a later promotion outweighs any position.
func (p Point) Compare(other Point) int {
	return cmp.Or(
		cmp.Compare(p.Lineage.At(p.Position).Epoch(), other.Lineage.At(other.Position).Epoch()),
		cmp.Compare(p.Position, other.Position))
}

// Relation is what a member must do to follow a primary.
type Relation string

// The relations.
const (
	// RelationFollow: the member's data is a beginning of the primary's.
	RelationFollow Relation = "Follow"
	// RelationRewind: the member's data left the primary's history, and the engine can tell where.
	RelationRewind Relation = "Rewind"
	// RelationClone: the member's data left the primary's history under a timeline number that the primary's own history
	// bears too. The engine would see no difference and corrupt the data [seen]; only a new copy helps.
	RelationClone Relation = "Clone"
)

// Relate tells what a member whose data ends at a point must do to follow a primary of the given lineage (PROTOCOL
// I6b).
func (p Point) Relate(primary Lineage) Relation {
	mine := p.Lineage.At(p.Position)
	if len(mine) == 0 || len(primary) == 0 {
		return RelationClone // nothing says that the two have anything in common
	}
	if shared := indexOf(primary, mine[len(mine)-1]); shared >= 0 {
		next := shared + 1
		if next == len(primary) || primary[next].Position >= p.Position {
			return RelationFollow
		}
	}
	strayed, missed := mine.without(primary), primary.without(mine)
	// Not only the last numbers count: where earlier ones are the same, the engine takes the histories for one until that
	// timeline ends, and looks for the fork too late. And a promotion that both have noted need not be in both histories:
	// who noted it and never received anything of it may have taken the same number.
	if len(strayed) == len(mine) || strayed.sharesTimeline(primary) || missed.sharesTimeline(mine) {
		return RelationClone
	}
	return RelationRewind
}

// without gives the promotions that another lineage does not have.
func (l Lineage) without(other Lineage) Lineage {
	return slices.DeleteFunc(slices.Clone(l), func(p Promotion) bool { return indexOf(other, p) >= 0 })
}

// sharesTimeline says whether two lineages have a timeline number in common.
func (l Lineage) sharesTimeline(other Lineage) bool {
	return slices.ContainsFunc(l, func(p Promotion) bool {
		return slices.ContainsFunc(other, func(o Promotion) bool { return o.Timeline == p.Timeline })
	})
}

func indexOf(l Lineage, p Promotion) int {
	return slices.IndexFunc(l, func(other Promotion) bool { return other.Epoch == p.Epoch })
}
