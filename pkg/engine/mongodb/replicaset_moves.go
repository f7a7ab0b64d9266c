// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// MoveKind is one change of a set's configuration.
type MoveKind string

// The moves.
const (
	// Initiate makes a set of the member alone (replSetInitiate); all others are changes of a configuration that is there
	// (replSetReconfig, never with force).
	Initiate MoveKind = "Initiate"
	// Add lets a member copy the data: it has no vote, and cannot be primary.
	Add MoveKind = "Add"
	// Grant gives a member its vote.
	Grant MoveKind = "Grant"
	// Withdraw takes a member's vote; it goes on as a copy.
	Withdraw MoveKind = "Withdraw"
	// Remove strikes a member.
	Remove MoveKind = "Remove"
)

// Move is one change. Each changes one vote at most: a server refuses more at a time, since two majorities must share a
// member (https://www.mongodb.com/docs/manual/reference/command/replSetReconfig/).
type Move struct {
	Kind MoveKind
	// Host is the member that it is about, as in a configuration; ID is the number of one that comes.
	Host string
	ID   int
}

// Next is the next move that the member is to make, one at a time; ok is false when there is none. Each can be asked
// for again, whatever became of the last one: it follows from what is there.
func (s ReplicaSet) Next() (m Move, ok bool) {
	if !s.Config.InSet() {
		return s.initiate()
	}
	if !s.mayChange() {
		return Move{}, false
	}
	for _, next := range []func() (Move, bool){s.grant, s.withdraw, s.remove, s.add} {
		if m, ok := next(); ok {
			return m, true
		}
	}
	return Move{}, false
}

// initiate makes the set, once in the life of a cluster: only the initialiser does, only while the plan knows of no
// data, only on a volume that was never in a set, and not when any other member is in one. So a member that died
// between asking and hearing the answer finds its configuration, and one that lost its volume waits to be added.
func (s ReplicaSet) initiate() (Move, bool) {
	me, planned := s.Plan.Member(s.Member)
	if !planned || s.Plan.Initialiser != s.Member || s.Plan.SystemID != "" || s.Joined {
		return Move{}, false
	}
	if slices.ContainsFunc(s.Others, func(o Other) bool { return o.ReplicaSetID != "" }) {
		return Move{}, false
	}
	return Move{Kind: Initiate, Host: HostOf(me), ID: idOf(me)}, true
}

// mayChange says that this member may change the configuration: it is primary of the plan's set, and a majority has the
// configuration that is to be changed. Before the plan has the set's identity nobody is added, so that of two sets that
// were born by mistake one can be thrown away.
func (s ReplicaSet) mayChange() bool {
	primary, known := s.Primary()
	return known && primary.Self && s.Committed && s.Plan.SystemID != "" && s.Plan.SystemID == s.Config.ReplicaSetID
}

// grant gives a vote to the first member that should have one and is level. It is given as soon as that is so: with an
// even number of votes for a while, the loss of one member costs what it cost before, and more copies are waited for.
func (s ReplicaSet) grant() (Move, bool) {
	for _, m := range s.Config.Members {
		if m.Votes == 0 && s.votesByPlan(m.Host) && s.saw(m.Host).State == StateSecondary && s.Level(m.Host) {
			return Move{Kind: Grant, Host: m.Host, ID: m.ID}, true
		}
	}
	return Move{}, false
}

// withdraw takes the vote of a planned member that should have none. It stays until those that should have one do.
func (s ReplicaSet) withdraw() (Move, bool) {
	for _, m := range s.Config.Voters() {
		_, planned := s.planned(m.Host)
		if planned && !s.votesByPlan(m.Host) && !s.isSelf(m.Host) && s.without(m.Host) {
			return Move{Kind: Withdraw, Host: m.Host, ID: m.ID}, true
		}
	}
	return Move{}, false
}

// remove strikes a member that the plan does not have, without a vote first. One with a vote goes only while a majority
// of those that stay is level. A primary never strikes itself: it hands over before.
func (s ReplicaSet) remove() (Move, bool) {
	leaving := slices.DeleteFunc(slices.Clone(s.Config.Members), func(m ConfigMember) bool {
		_, planned := s.planned(m.Host)
		return planned || s.isSelf(m.Host)
	})
	slices.SortStableFunc(leaving, func(a, b ConfigMember) int { return a.Votes - b.Votes })
	for _, m := range leaving {
		if m.Votes == 0 || s.without(m.Host) {
			return Move{Kind: Remove, Host: m.Host, ID: m.ID}, true
		}
	}
	return Move{}, false
}

// add takes in a planned member whose server is there. One that is in another set is left alone: it may be somebody's
// data.
func (s ReplicaSet) add() (Move, bool) {
	for _, m := range s.Plan.InShard(0) {
		host := HostOf(m)
		_, there := s.Config.Find(host)
		i := slices.IndexFunc(s.Others, func(o Other) bool { return o.Member == m.Name })
		if there || i < 0 || s.isForeign(s.Others[i]) || s.idTaken(idOf(m)) {
			continue
		}
		return Move{Kind: Add, Host: host, ID: idOf(m)}, true
	}
	return Move{}, false
}

func (s ReplicaSet) isForeign(o Other) bool {
	return o.ReplicaSetID != "" && o.ReplicaSetID != s.Config.ReplicaSetID
}

// idTaken says that another host has the number still.
func (s ReplicaSet) idTaken(id int) bool {
	return slices.ContainsFunc(s.Config.Members, func(m ConfigMember) bool { return m.ID == id })
}

func (s ReplicaSet) votesByPlan(host string) bool {
	m, planned := s.planned(host)
	return planned && IsVoter(s.Plan, m.Name)
}

func (s ReplicaSet) isSelf(host string) bool { return s.saw(host).Self }

// idOf is the number of a member in a configuration: its ordinal. A number must not stand for one host and later for
// another (https://www.mongodb.com/docs/manual/reference/replica-configuration/); this one never does.
func idOf(m engine.PlanMember) int {
	id, err := strconv.Atoi(m.Name[strings.LastIndex(m.Name, "-")+1:])
	if err != nil {
		panic("a member's name ends with its ordinal, yet there is " + m.Name)
	}
	return id
}

// After is the configuration that a move makes of one.
func (c Config) After(m Move) Config {
	next := Config{ReplicaSetID: c.ReplicaSetID, Version: c.Version + 1, Members: slices.Clone(c.Members)}
	i := slices.IndexFunc(next.Members, func(other ConfigMember) bool { return other.Host == m.Host })
	switch m.Kind {
	case Initiate:
		next.Members = []ConfigMember{{ID: m.ID, Host: m.Host, Votes: 1, Priority: 1}}
	case Add:
		next.Members = append(next.Members, ConfigMember{ID: m.ID, Host: m.Host})
	case Grant:
		next.Members[i].Votes, next.Members[i].Priority = 1, 1
	case Withdraw:
		next.Members[i].Votes, next.Members[i].Priority = 0, 0
	case Remove:
		next.Members = slices.Delete(next.Members, i, i+1)
	}
	return next
}
