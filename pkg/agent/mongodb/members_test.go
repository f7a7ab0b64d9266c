// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// fill writes records as an application does, and mustHave reads them all.
func (s *stage) fill(from, to int) {
	s.Helper()
	client := s.app("secret")
	for n := from; n < to; n++ {
		_, err := records(client).InsertOne(s.Context(), bson.D{{Key: "_id", Value: n}})
		s.must(err)
	}
}

func (s *stage) mustHave(want int) {
	s.Helper()
	got, err := records(s.app("secret")).CountDocuments(s.Context(), bson.D{})
	s.must(err)
	if got != int64(want) {
		s.Fatalf("%d records, want %d", got, want)
	}
}

// leave takes the last member out of the plan; its agent goes on until the set has struck it.
func (s *stage) leave() {
	s.Helper()
	last := len(s.plan.Members) - 1
	gone := s.actors[last]
	s.plan.Members = s.plan.Members[:last]
	s.await("a set without "+gone.name, func() bool {
		return s.complete() && !leads(gone.last) && gone.view.state == mongodb.StateRemoved
	})
	gone.kill()
	s.actors = s.actors[:last]
}

// TestMembersComeAndGoSimulated: they vote when they are level, a fourth never does, and all of them have everything.
func TestMembersComeAndGoSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.await("a set of one", s.complete)
	s.fill(0, 10)
	for _, voters := range []int{2, 3, 3, 5} {
		s.cast()
		s.await("one more member", s.complete)
		if got := s.primary().last.Server.Electorate; len(got) != voters {
			t.Errorf("of %d members %v vote, want %d", len(s.plan.Members), got, voters)
		}
	}
	s.fill(10, 20)
	for len(s.plan.Members) > 2 {
		if last := s.actors[len(s.actors)-1]; leads(last.last) { // as the operator does before it takes a primary away
			s.plan.Switchover = &engine.Switchover{ID: last.name, From: last.name, Target: "orders-db-0"}
			s.await("a primary that stays", func() bool { return leads(s.actors[0].last) && s.complete() })
		}
		s.leave()
	}
	s.mustHave(20)
}

// TestAVoterThatLostItsDataGivesItsVoteBackSimulated: its empty server starts only when the set counts without it.
func TestAVoterThatLostItsDataGivesItsVoteBackSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	s.fill(0, 10)
	i := slices.IndexFunc(s.actors, func(a *actor) bool { return !leads(a.last) })
	lost, primary := s.actors[i], s.primary()
	lost.lose()
	s.await("its server", func() bool { return lost.server.Running() })
	client, err := primary.access.toSelf(nil)
	s.must(err)
	defer disconnect(t.Context(), client)
	v, err := lookAt(t.Context(), client)
	s.must(err)
	if m, there := v.config.Find(mongodb.HostOf(s.plan.Members[i])); !there || m.Votes != 0 || v.leads != true {
		t.Errorf("when its server started the set had %+v (%v)", m, there)
	}
	s.await("its vote", s.complete)
	s.mustHave(10)
}

// TestRelaxedSimulated: a cluster whose writes wait for nobody says so, and one that is told to wait does.
func TestRelaxedSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.plan.Durability = v1alpha1.DurabilityRelaxed
	relaxed := func() bool { return s.complete() && s.primary().last.Server.Enforced.None() }
	s.await("a set whose writes wait for nobody", relaxed)
	s.plan.Durability = v1alpha1.DurabilityMajority
	s.await("a set whose writes wait", func() bool { return s.complete() && !relaxed() })
}
