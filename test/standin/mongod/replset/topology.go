// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"time"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// NoMember is the id of no member.
const NoMember int32 = -1

// Role is what a member is in the present term.
type Role int

// The roles.
const (
	Follower Role = iota
	Candidate
	Leader
)

// Position is how far a member's log goes, and how much of it is in its journal.
type Position struct {
	Applied, Durable         oplog.OpTime
	AppliedWall, DurableWall time.Time
}

// Peer is what is known of another member.
type Peer struct {
	Position
	Healthy  bool
	State    State
	LastSeen time.Time
	// LastHeartbeat is when it was last asked and answered, LastReceived when it last asked.
	LastHeartbeat, LastReceived time.Time
	PingMillis                  int64
	Message                     string
	SyncingTo                   string
	ElectionTime                oplog.OpTime
	ConfigVersion               int32
	ConfigTerm                  int64
}

// Topology is what a member knows and is.
type Topology struct {
	// Config is nil until there is one. Self is this member's id in it, or NoMember.
	Config *Config
	Self   int32
	Peers  map[int32]*Peer

	Term     int64
	LastVote Vote
	Role     Role
	// Writable says that a Leader has caught up with all that it could, and takes writes.
	Writable bool
	// Following is the state while the member is no Leader.
	Following State
	// PrimaryID is whom this member believes to be the primary.
	PrimaryID int32

	Position
	Committed     oplog.OpTime
	CommittedWall time.Time

	// ElectionDue is when the member stands for election, unless it hears from a primary before. NotBefore is until when
	// it must not, since it has stepped down or was frozen.
	ElectionDue, NotBefore time.Time
	ElectedAt              time.Time
	ElectionTime           oplog.OpTime
}

// New is a member without a configuration.
func New() *Topology {
	return &Topology{Self: NoMember, PrimaryID: NoMember, Following: Startup, Peers: map[int32]*Peer{},
		Position: Position{Applied: oplog.OpTime{Term: -1}, Durable: oplog.OpTime{Term: -1}},
		LastVote: Vote{Candidate: NoMember}, Committed: oplog.OpTime{Term: -1}}
}

// State is the member's own state.
func (t *Topology) State() State {
	switch {
	case t.Config == nil:
		return Startup
	case t.Self == NoMember:
		return Removed
	case t.Role == Leader:
		return Primary
	default:
		return t.Following
	}
}

// Own is this member's part of the configuration, or nil.
func (t *Topology) Own() *Member {
	if t.Config == nil {
		return nil
	}
	return t.Config.Member(t.Self)
}

// Install puts a configuration into force. What is known of members that stay is kept.
func (t *Topology) Install(c *Config, self int32) {
	peers := map[int32]*Peer{}
	for _, m := range c.Members {
		if m.ID == self {
			continue
		}
		peers[m.ID] = &Peer{State: Unknown, Position: Position{
			Applied: oplog.OpTime{Term: -1}, Durable: oplog.OpTime{Term: -1}}}
		if t.Config != nil && t.Config.Member(m.ID) != nil && t.Peers[m.ID] != nil {
			peers[m.ID] = t.Peers[m.ID]
		}
	}
	t.Config, t.Self, t.Peers = c, self, peers
	if c.Member(t.PrimaryID) == nil {
		t.PrimaryID = NoMember
	}
}

// AdoptTerm goes on to a later term, in which this member is not known to be anything yet.
func (t *Topology) AdoptTerm(term int64) (newer bool) {
	if term <= t.Term {
		return false
	}
	t.Term = term
	t.StepDown()
	t.PrimaryID = NoMember
	return true
}

// StepDown makes the member a follower.
func (t *Topology) StepDown() {
	if t.Role == Leader {
		t.PrimaryID = NoMember
	}
	t.Role, t.Writable = Follower, false
}

// Lead makes the winner of an election the primary. It takes writes later.
func (t *Topology) Lead(now time.Time) {
	t.Role, t.PrimaryID, t.ElectedAt = Leader, t.Self, now
	// Whoever voted has been heard from.
	for _, p := range t.Peers {
		p.LastSeen = now
	}
}

// HearPrimary notes that another member is the primary of a term.
func (t *Topology) HearPrimary(id int32, term int64) {
	if term == t.Term && t.Role != Leader {
		t.PrimaryID = id
	}
}

// Postpone puts the election off by the timeout and, so that not all members stand at once, a part of it: fraction is
// chosen at random from 0 to 0.15 of it, as by MongoDB's electionTimeoutOffsetLimitFraction.
func (t *Topology) Postpone(now time.Time, fraction float64) {
	timeout := t.Config.ElectionTimeout()
	t.ElectionDue = now.Add(timeout + time.Duration(fraction*float64(timeout)))
}

// HearsMajority says whether voters that were heard from within the election timeout are a majority with this member.
func (t *Topology) HearsMajority(now time.Time) bool {
	return t.count(func(p *Peer) bool { return now.Sub(p.LastSeen) < t.Config.ElectionTimeout() }) >= t.Config.Majority()
}

// count counts the voters for which a condition holds, this member among them.
func (t *Topology) count(holds func(*Peer) bool) (n int) {
	for _, m := range t.Config.Members {
		if m.Votes > 0 && (m.ID == t.Self || holds(t.Peers[m.ID])) {
			n++
		}
	}
	return n
}
