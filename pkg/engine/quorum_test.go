// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

var everybody = []string{"a", "b", "c", "d"}

// subsets are all sets of members.
func subsets() (sets [][]string) {
	for bits := range 1 << len(everybody) {
		var set []string
		for i, m := range everybody {
			if bits&(1<<i) != 0 {
				set = append(set, m)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// quorums are all quorums that can be kept.
func quorums() (all []engine.Quorum) {
	for _, members := range subsets() {
		for count := range members {
			all = append(all, engine.Quorum{Count: count + 1, Members: members})
		}
	}
	return all
}

// common counts the members of both.
func common(a, b []string) (n int) {
	for _, m := range a {
		if slices.Contains(b, m) {
			n++
		}
	}
	return n
}

// kept says whether a write that these members have flushed may be acknowledged under a quorum.
func kept(q engine.Quorum, flushed []string) bool { return common(q.Members, flushed) >= q.Count }

func TestPromotableFindsEveryAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	for _, q := range quorums() {
		for _, voters := range subsets() {
			// The voters are safe if, wherever an acknowledged write may be, one of them has it.
			safe := true
			for _, flushed := range subsets() {
				safe = safe && (!kept(q, flushed) || common(voters, flushed) > 0)
			}
			if got := q.Promotable(voters); got != safe {
				t.Errorf("%s promotable by %v = %v, want %v", q, voters, got, safe)
			}
		}
	}
}

func TestAQuorumOfNothingMakesNobodyPrimary(t *testing.T) {
	t.Parallel()
	if (engine.Quorum{}).Promotable(everybody) {
		t.Error("where nothing is recorded nobody knows where acknowledged writes are")
	}
}

func TestWeakenIsTrueWhereverEitherIs(t *testing.T) {
	t.Parallel()
	all := quorums()
	for _, a := range all {
		for _, b := range all {
			weaker := a.Weaken(b)
			if !implies(a, b, weaker) {
				t.Errorf("%s weakened by %s = %s claims too much", a, b, weaker)
			}
			if implies(a, a, b) && a.Count == b.Count && !weaker.Equal(b) {
				t.Errorf("%s weakened by %s, which follows from it, = %s gives away too much", a, b, weaker)
			}
		}
	}
}

// implies says whether a quorum is true wherever either of two is.
func implies(a, b, then engine.Quorum) bool {
	return !slices.ContainsFunc(subsets(), func(flushed []string) bool {
		return (kept(a, flushed) || kept(b, flushed)) && !kept(then, flushed)
	})
}

func TestEveryTwoMajoritiesShareAMember(t *testing.T) {
	t.Parallel()
	for n := 1; n <= len(everybody); n++ {
		q := engine.MajorityOf(n, everybody[:n])
		for _, voters := range subsets() {
			if len(voters) >= q.Count && common(voters, q.Members) >= q.Count && !q.Promotable(voters) {
				t.Errorf("%s: a majority of voters %v is not enough", q, voters)
			}
		}
	}
}

func TestOthersLeavesOutThePrimary(t *testing.T) {
	t.Parallel()
	q := engine.MajorityOf(3, []string{"c", "a", "b"})
	if count, members := q.Others("b"); count != 1 || !slices.Equal(members, []string{"a", "c"}) {
		t.Errorf("others of %s = %d of %v", q, count, members)
	}
	if count, members := engine.MajorityOf(1, []string{"a"}).Others("a"); count != 0 || len(members) != 0 {
		t.Errorf("a single member waits for %d of %v", count, members)
	}
}
