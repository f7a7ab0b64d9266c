// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"math/bits"
	"testing"
)

// TestMayForget goes through all majorities: a voter without a memory may vote only when any write's majority and any
// candidate's share another voter too.
func TestMayForget(t *testing.T) {
	t.Parallel()
	for voters := 2; voters <= MostVoters; voters++ {
		c := Config{}
		for i := range voters {
			c.Members = append(c.Members, ConfigMember{ID: i, Host: fmt.Sprint(i), Votes: 1, Priority: 1})
		}
		const forgetful = uint(1) // the voter 0
		safe := true
		for write := range uint(1) << voters {
			for votes := range uint(1) << voters {
				if bits.OnesCount(write) == c.Majority() && bits.OnesCount(votes) == c.Majority() {
					safe = safe && write&votes&^forgetful != 0
				}
			}
		}
		if got := c.MayForget("0"); got != safe {
			t.Errorf("of %d voters one may forget: %v, want %v", voters, got, safe)
		}
	}
	c := Config{Members: []ConfigMember{{Host: "0", Votes: 1}, {Host: "1"}}}
	if !c.MayForget("1") || !c.MayForget("2") {
		t.Error("who has no vote may not forget")
	}
}
