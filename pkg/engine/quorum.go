// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"slices"
)

// Quorum says where acknowledged writes are: each is flushed by at least Count of Members, the primary among them. The
// zero Quorum promises nothing.
//
// PROTOCOL I6a speaks of k replicas of a set S beside the primary. A Quorum counts the primary too, since a primary
// flushes before it acknowledges: Count = k+1, Members = S and the primary. It promises the same of the replicas, and
// one thing more, that the old primary's vote counts once it is back. And it stays true over a failover that changes
// nothing but who is primary.
type Quorum struct {
	// Count is the least number of members that have flushed an acknowledged write.
	Count int `json:"count"`
	// Members are the members among which they are, sorted by name.
	Members []string `json:"members"`
}

// MajorityOf is the quorum of which every two share a member: more than half of all members, found among those that
// can take part.
func MajorityOf(all int, among []string) Quorum {
	q := Quorum{Count: all/2 + 1, Members: slices.Clone(among)}
	slices.Sort(q.Members)
	return q
}

// None says whether the quorum promises nothing.
func (q Quorum) None() bool { return q.Count == 0 }

// Equal says whether two quorums promise the same.
func (q Quorum) Equal(other Quorum) bool {
	return q.Count == other.Count && slices.Equal(q.Members, other.Members)
}

// Others gives the members beside the primary, and how many of them must flush a write.
func (q Quorum) Others(primary string) (count int, members []string) {
	members = slices.DeleteFunc(slices.Clone(q.Members), func(m string) bool { return m == primary })
	return max(0, q.Count-1), members
}

// Promotable says whether the voters are sure to include one that has flushed every acknowledged write: fewer are
// missing than have it.
func (q Quorum) Promotable(voters []string) bool {
	if q.None() {
		return false
	}
	present := 0
	for _, m := range q.Members {
		if slices.Contains(voters, m) {
			present++
		}
	}
	return present > len(q.Members)-q.Count
}

// Weaken gives a quorum that is true wherever either of two is.
func (q Quorum) Weaken(other Quorum) Quorum {
	if q.None() || other.None() {
		return Quorum{}
	}
	weaker := Quorum{Count: min(q.Count, other.Count), Members: slices.Concat(q.Members, other.Members)}
	slices.Sort(weaker.Members)
	weaker.Members = slices.Compact(weaker.Members)
	return weaker
}

// String is for logs and messages.
func (q Quorum) String() string { return fmt.Sprintf("%d of %v", q.Count, q.Members) }
