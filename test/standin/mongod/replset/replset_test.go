// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

func at(term int64, seconds uint32) oplog.OpTime {
	return oplog.OpTime{Term: term, TS: bson.Timestamp{T: seconds, I: 1}}
}

// three is the member 0 of a set of three, in term 2, with an entry of second 10.
func three() *replset.Topology {
	c := &replset.Config{ID: "rs0", Version: 3, Term: 2, ProtocolVersion: 1,
		Settings: replset.Settings{ElectionTimeoutMillis: 5000}}
	for id := range int32(3) {
		c.Members = append(c.Members, replset.Member{ID: id, Host: string('a'+id) + ":1", Votes: 1, Priority: 1})
	}
	t := replset.New()
	t.Install(c, 0)
	t.Term, t.Following = 2, replset.Secondary
	t.Applied, t.Durable = at(2, 10), at(2, 10)
	return t
}

// voted is a voter that has voted in the ballot's term.
func voted(candidate int32) func(*replset.Topology, *replset.Ballot) {
	return func(t *replset.Topology, b *replset.Ballot) {
		t.LastVote = replset.Vote{Term: b.Term, Candidate: candidate}
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	good := replset.Ballot{Set: "rs0", Term: 3, Candidate: 1, ConfigVersion: 3, ConfigTerm: 2, LastApplied: at(2, 10)}
	for name, tc := range map[string]struct {
		change  func(*replset.Topology, *replset.Ballot)
		granted bool
	}{
		"as it should be":       {func(*replset.Topology, *replset.Ballot) {}, true},
		"newer log":             {func(_ *replset.Topology, b *replset.Ballot) { b.LastApplied = at(2, 11) }, true},
		"older log":             {func(_ *replset.Topology, b *replset.Ballot) { b.LastApplied = at(2, 9) }, false},
		"longer log, old term":  {func(_ *replset.Topology, b *replset.Ballot) { b.LastApplied = at(1, 99) }, false},
		"older term":            {func(_ *replset.Topology, b *replset.Ballot) { b.Term = 1 }, false},
		"older configuration":   {func(_ *replset.Topology, b *replset.Ballot) { b.ConfigVersion = 2 }, false},
		"another set":           {func(_ *replset.Topology, b *replset.Ballot) { b.Set = "rs1" }, false},
		"voted in this term":    {voted(2), false},
		"the same vote again":   {voted(1), true},
		"a member with no vote": {func(t *replset.Topology, _ *replset.Ballot) { t.Own().Votes = 0 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			voter, ballot := three(), good
			tc.change(voter, &ballot)
			if answer := voter.Consider(ballot); answer.Granted != tc.granted {
				t.Errorf("granted %v (%s), want %v", answer.Granted, answer.Reason, tc.granted)
			}
		})
	}
}

func TestDryRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	voter := three()
	answer := voter.Consider(replset.Ballot{Set: "rs0", DryRun: true, Term: 2, Candidate: 1, ConfigVersion: 3,
		ConfigTerm: 2, LastApplied: at(2, 10)})
	if !answer.Granted || voter.Term != 2 || voter.LastVote.Candidate != replset.NoMember {
		t.Errorf("%+v, term %d, vote %+v: want granted and nothing changed", answer, voter.Term, voter.LastVote)
	}
}

// TestNoTwoPrimariesInOneTerm lets every pair of candidates ask every voter in every order.
func TestNoTwoPrimariesInOneTerm(t *testing.T) {
	t.Parallel()
	for order := range 1 << 3 {
		voters := []*replset.Topology{three(), three(), three()}
		for id, v := range voters {
			v.Install(v.Config, int32(id))
		}
		first, second := voters[0].Stand(), voters[1].Stand()
		votes := map[int32]int{0: 1, 1: 1}
		for i, ballot := range []replset.Ballot{first, second} {
			if order>>i&1 == 1 {
				ballot = []replset.Ballot{second, first}[i]
			}
			for id, v := range voters {
				if int32(id) != ballot.Candidate && v.Consider(ballot).Granted {
					votes[ballot.Candidate]++
				}
			}
		}
		if votes[0] >= 2 && votes[1] >= 2 {
			t.Errorf("order %b: %v votes: both have won term %d", order, votes, first.Term)
		}
	}
}

func TestCommitNeedsAMajorityAndTheOwnTerm(t *testing.T) {
	t.Parallel()
	leader := three()
	leader.Lead(time.Unix(0, 0))
	leader.Peers[1].Durable = at(1, 9)
	if leader.Commit() {
		t.Errorf("committed %s with one of three", leader.Committed)
	}
	leader.Peers[1].Durable = at(2, 10)
	if !leader.Commit() || leader.Committed != at(2, 10) {
		t.Errorf("committed %s, want what two of three have", leader.Committed)
	}
	leader = three()
	leader.Term = 3
	leader.Lead(time.Unix(0, 0))
	leader.Peers[1].Durable = at(2, 10)
	if leader.Commit() {
		t.Error("an entry of an older term was committed by itself")
	}
}

func TestHeirHasEverything(t *testing.T) {
	t.Parallel()
	leader := three()
	leader.Lead(time.Unix(0, 0))
	for id, seconds := range map[int32]uint32{1: 9, 2: 10} {
		leader.Peers[id].Healthy, leader.Peers[id].State, leader.Peers[id].Applied = true, replset.Secondary, at(2, seconds)
	}
	if heir, ok := leader.Heir(); heir != 2 || !ok {
		t.Errorf("heir %d, %v, want 2", heir, ok)
	}
	leader.Config.Members[2].Priority = 0
	if heir, ok := leader.Heir(); ok {
		t.Errorf("heir %d, want none: the only level member cannot be elected", heir)
	}
}

func TestReconfig(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*replset.Config)
		want   error
	}{
		"a member without a vote more": {func(c *replset.Config) {
			c.Members = append(c.Members, replset.Member{ID: 3, Host: "d:1"}, replset.Member{ID: 4, Host: "e:1"})
		}, nil},
		"a voter more": {func(c *replset.Config) {
			c.Members = append(c.Members, replset.Member{ID: 3, Host: "d:1", Votes: 1})
		}, nil},
		"two voters more": {func(c *replset.Config) {
			c.Members = append(c.Members,
				replset.Member{ID: 3, Host: "d:1", Votes: 1}, replset.Member{ID: 4, Host: "e:1", Votes: 1})
		}, replset.ErrIncompatibleConfig},
		"a voter less": {func(c *replset.Config) { c.Members = c.Members[:2] }, nil},
		"two less":     {func(c *replset.Config) { c.Members = c.Members[:1] }, replset.ErrIncompatibleConfig},
		"a vote taken": {func(c *replset.Config) { c.Members[2].Votes, c.Members[2].Priority = 0, 0 }, nil},
		"the version":  {func(c *replset.Config) { c.Version = 3 }, replset.ErrIncompatibleConfig},
		"another _id":  {func(c *replset.Config) { c.Members[2].ID = 7 }, replset.ErrIncompatibleConfig},
		"one for another": {func(c *replset.Config) {
			c.Members[2] = replset.Member{ID: 7, Host: "x:1", Votes: 1}
		}, replset.ErrIncompatibleConfig},
		"another set id": {func(c *replset.Config) {
			c.Settings.ReplicaSetID = bson.NewObjectID()
		}, replset.ErrIncompatibleConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			present, next := three().Config, three().Config
			next.Version = 4
			tc.change(next)
			if err := present.MayFollow(next); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

func TestPrimaryWithoutMajorityKnowsIt(t *testing.T) {
	t.Parallel()
	leader, now := three(), time.Unix(100, 0)
	leader.Lead(now)
	if !leader.HearsMajority(now.Add(4 * time.Second)) {
		t.Error("within the election timeout of its election it is the primary")
	}
	if leader.HearsMajority(now.Add(6 * time.Second)) {
		t.Error("nobody was heard from for longer than the election timeout")
	}
}
