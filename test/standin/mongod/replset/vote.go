// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"fmt"
	"time"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// Vote is a term and whom this member voted for in it. It is on the disk before it counts: a member that ends and comes
// back must not vote in the same term again.
type Vote struct {
	Term      int64 `bson:"term"`
	Candidate int32 `bson:"candidateIndex"`
}

// Ballot is a candidate's request for a vote (command replSetRequestVotes). With DryRun it asks only whether it would
// win, so that a member that cannot does not disturb a primary with a new term.
type Ballot struct {
	Set           string       `bson:"setName"`
	DryRun        bool         `bson:"dryRun"`
	Term          int64        `bson:"term"`
	Candidate     int32        `bson:"candidateIndex"`
	ConfigVersion int32        `bson:"configVersion"`
	ConfigTerm    int64        `bson:"configTerm"`
	LastApplied   oplog.OpTime `bson:"lastAppliedOpTime"`
}

// Answer is a voter's.
type Answer struct {
	Term    int64  `bson:"term"`
	Granted bool   `bson:"voteGranted"`
	Reason  string `bson:"reason"`
}

// Consider votes. Where the answer is yes and the ballot is no dry run, the caller puts LastVote onto the disk before
// it answers.
func (t *Topology) Consider(b Ballot) Answer {
	if !b.DryRun {
		t.AdoptTerm(b.Term)
	}
	reason := t.refusal(b)
	if reason == "" && !b.DryRun {
		t.LastVote = Vote{Term: b.Term, Candidate: b.Candidate}
	}
	return Answer{Term: t.Term, Granted: reason == "", Reason: reason}
}

func (t *Topology) refusal(b Ballot) string {
	own := t.Own()
	switch {
	case own == nil || own.Votes == 0:
		return "this member does not vote"
	case b.Set != t.Config.ID:
		return fmt.Sprintf("candidate's set name (%s) differs from mine (%s)", b.Set, t.Config.ID)
	case b.Term < t.Term:
		return fmt.Sprintf("candidate's term (%d) is lower than mine (%d)", b.Term, t.Term)
	case t.Config.Compare(b.ConfigVersion, b.ConfigTerm) > 0:
		return fmt.Sprintf("candidate's config with {version: %d, term: %d} is older than mine",
			b.ConfigVersion, b.ConfigTerm)
	case b.LastApplied.Before(t.Applied):
		return fmt.Sprintf("candidate's data is staler than mine: %s, mine %s", b.LastApplied, t.Applied)
	case !b.DryRun && t.LastVote.Term == b.Term && t.LastVote.Candidate != b.Candidate:
		return fmt.Sprintf("already voted for another candidate (%d) this term (%d)", t.LastVote.Candidate, b.Term)
	}
	return ""
}

// Unelectable says why this member must not stand for election now, or nothing.
func (t *Topology) Unelectable(now time.Time) string {
	own := t.Own()
	switch {
	case own == nil:
		return "not a member of the set's configuration"
	case own.Priority == 0:
		return "priority is 0"
	case t.Role == Leader:
		return "already the primary"
	case t.Following != Secondary:
		return "not a secondary but " + t.Following.String()
	case t.Applied.IsZero():
		return "no data"
	case now.Before(t.NotBefore):
		return "stepped down or frozen for another " + t.NotBefore.Sub(now).Round(time.Second).String()
	}
	return ""
}

// Stand begins an election: a new term in which this member votes for itself. The caller puts LastVote onto the disk
// before it asks the others.
func (t *Topology) Stand() Ballot {
	t.Term++
	t.Role, t.PrimaryID = Candidate, NoMember
	t.LastVote = Vote{Term: t.Term, Candidate: t.Self}
	return t.Ballot()
}

// Ballot is this member's request for votes in the present term.
func (t *Topology) Ballot() Ballot {
	return Ballot{Set: t.Config.ID, Term: t.Term, Candidate: t.Self, ConfigVersion: t.Config.Version,
		ConfigTerm: t.Config.Term, LastApplied: t.Applied}
}
