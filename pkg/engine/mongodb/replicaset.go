// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"
	"strconv"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// ReplicaSet is a replica set as the server of one member sees it, held against the plan.
type ReplicaSet struct {
	// Member is the member, Plan the newest plan.
	Member string
	Plan   engine.Plan
	// Config is the set's configuration as the server has it; the zero Config for a server that is in no set.
	Config Config
	// Committed says that a majority has this configuration, so that another may follow. Only a primary knows.
	Committed bool
	// Seen are the members of Config, as the server sees them.
	Seen []Seen
	// Others are servers of other planned members, as they told who asked them. Who did not answer is not among them.
	Others []Other
	// Joined says that the member's volume has been in a set before.
	Joined bool
}

// Config is what AtlasDB reads and changes of a configuration (replSetGetConfig). Whatever else stands in one is kept.
type Config struct {
	// ReplicaSetID is what tells this set from all others, in hexadecimal digits (settings.replicaSetId); the server draws
	// it when it initiates a set.
	ReplicaSetID string
	Version      int64
	Members      []ConfigMember
}

// ConfigMember is a member of a configuration.
type ConfigMember struct {
	ID              int
	Host            string
	Votes, Priority int
}

// Seen is a member as a server sees it (replSetGetStatus).
type Seen struct {
	Host  string
	State State
	// Healthy says that it answers; of itself a server does not doubt it.
	Healthy bool
	// Optime is how far it has applied what was written.
	Optime Optime
	// Self says that it is the server that was asked.
	Self bool
}

// Other is the server of another member, as it told.
type Other struct {
	Member string
	// ReplicaSetID is that of the set that it is in, or was removed from; "" for a server that never was in one.
	ReplicaSetID string
}

// State is the state of a member (https://www.mongodb.com/docs/manual/reference/replica-states/).
type State int

// The states.
const (
	StateStartup    State = 0
	StatePrimary    State = 1
	StateSecondary  State = 2
	StateRecovering State = 3
	StateStartup2   State = 5
	StateUnknown    State = 6
	StateArbiter    State = 7
	StateDown       State = 8
	StateRollback   State = 9
	StateRemoved    State = 10
)

// Optime is a place in the history of a set: a term, and a timestamp in it.
type Optime struct {
	Term               int64
	Seconds, Increment uint32
}

// HostOf is what a member is called in a configuration. The name outlives addresses, and is in the certificates.
func HostOf(m engine.PlanMember) string { return m.Host + ":" + strconv.Itoa(ClientPort) }

// InSet says that the server is in a set, or was and does not know that it is not any more.
func (c Config) InSet() bool { return c.ReplicaSetID != "" || len(c.Members) > 0 }

// Find gives the member of a host, and whether there is one.
func (c Config) Find(host string) (ConfigMember, bool) {
	i := slices.IndexFunc(c.Members, func(m ConfigMember) bool { return m.Host == host })
	if i < 0 {
		return ConfigMember{}, false
	}
	return c.Members[i], true
}

// Voters are the members that vote.
func (c Config) Voters() []ConfigMember {
	return slices.DeleteFunc(slices.Clone(c.Members), func(m ConfigMember) bool { return m.Votes == 0 })
}

// Majority is how many voters it takes to elect a primary, to commit a write and to commit a configuration.
func (c Config) Majority() int { return len(c.Voters())/2 + 1 }

// Electorate are the members that vote, by name, sorted; nil for a server that is in no set.
func (s ReplicaSet) Electorate() []string {
	var names []string
	for _, m := range s.Config.Voters() {
		names = append(names, s.NameOf(m.Host))
	}
	slices.Sort(names)
	return names
}

// saw is how the server sees a host; the zero Seen when it does not.
func (s ReplicaSet) saw(host string) Seen {
	if i := slices.IndexFunc(s.Seen, func(m Seen) bool { return m.Host == host }); i >= 0 {
		return s.Seen[i]
	}
	return Seen{Host: host, State: StateUnknown}
}

// Primary is the primary, and whether the server sees one.
func (s ReplicaSet) Primary() (Seen, bool) {
	i := slices.IndexFunc(s.Seen, func(m Seen) bool { return m.State == StatePrimary && m.Healthy })
	if i < 0 {
		return Seen{}, false
	}
	return s.Seen[i], true
}

// Timings of a set (https://www.mongodb.com/docs/manual/reference/replica-configuration/, settings). A primary that
// sees no majority for ElectionTimeout steps down, and others elect one that they have not seen for so long: the
// server's own ten seconds, halved. Members hear of each other every HeartbeatInterval.
const (
	ElectionTimeout   = 5 * time.Second
	HeartbeatInterval = time.Second
)

// nearlyLevel is how many seconds of writes a member may lack and still count as level: what is in the air between two
// heartbeats, each of which tells how far a member is.
const nearlyLevel = 2

// Level says that a host serves and has nearly all that the primary has.
func (s ReplicaSet) Level(host string) bool {
	primary, known := s.Primary()
	m := s.saw(host)
	switch {
	case !known || !m.Healthy:
		return false
	case m.State == StatePrimary:
		return true
	}
	return m.State == StateSecondary && primary.Optime.Seconds <= m.Optime.Seconds+nearlyLevel
}

// LevelMembers are the planned members, beside the primary, that are level.
func (s ReplicaSet) LevelMembers() []string {
	var names []string
	for _, m := range s.Plan.Members {
		if host := HostOf(m); s.saw(host).State == StateSecondary && s.Level(host) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Enforced is the commit quorum of writes that wait for a majority, when the default write concern of clients is such a
// one (majorityDefault): a write that cannot be committed is not acknowledged. A set that is to have more members and
// has only one that votes yet promises nothing, since a majority of it is one copy.
func (s ReplicaSet) Enforced(majorityDefault bool) engine.Quorum {
	names := s.Electorate()
	if !majorityDefault || len(names) == 0 || (len(names) == 1 && len(WantedVoters(s.Plan)) > 1) {
		return engine.Quorum{}
	}
	return engine.MajorityOf(len(names), names)
}
