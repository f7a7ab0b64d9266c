// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The most members of a set, and the most that vote.
const (
	maxMembers = 50
	maxVoters  = 7
)

// ErrInvalidConfig is returned for a configuration that no set can have.
var ErrInvalidConfig = errors.New("invalid replica set configuration")

// Config is a set's configuration. Of two, the one of the later term is newer; in one term, that of the higher version.
type Config struct {
	ID              string   `bson:"_id"`
	Version         int32    `bson:"version"`
	Term            int64    `bson:"term"`
	Members         []Member `bson:"members"`
	ProtocolVersion int64    `bson:"protocolVersion"`
	JournalMajority bool     `bson:"writeConcernMajorityJournalDefault"`
	Settings        Settings `bson:"settings"`
}

// Member is one member's part of the configuration.
type Member struct {
	ID           int32   `bson:"_id"`
	Host         string  `bson:"host"`
	ArbiterOnly  bool    `bson:"arbiterOnly"`
	BuildIndexes bool    `bson:"buildIndexes"`
	Hidden       bool    `bson:"hidden"`
	Priority     float64 `bson:"priority"`
	Tags         bson.D  `bson:"tags"`
	DelaySecs    int64   `bson:"secondaryDelaySecs"`
	Votes        int32   `bson:"votes"`
}

// Settings hold for all members.
type Settings struct {
	ChainingAllowed         bool          `bson:"chainingAllowed"`
	HeartbeatIntervalMillis int64         `bson:"heartbeatIntervalMillis"`
	HeartbeatTimeoutSecs    int64         `bson:"heartbeatTimeoutSecs"`
	ElectionTimeoutMillis   int64         `bson:"electionTimeoutMillis"`
	CatchUpTimeoutMillis    int64         `bson:"catchUpTimeoutMillis"`
	ReplicaSetID            bson.ObjectID `bson:"replicaSetId"`
}

// ParseConfig reads a configuration and fills in what MongoDB does for fields that are not there.
func ParseConfig(raw bson.Raw) (Config, error) {
	c := Config{Term: -1, ProtocolVersion: 1, JournalMajority: true, Settings: Settings{
		ChainingAllowed: true, HeartbeatIntervalMillis: 2000, HeartbeatTimeoutSecs: 10, ElectionTimeoutMillis: 10000,
		CatchUpTimeoutMillis: -1,
	}}
	if err := bson.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	list, ok := raw.Lookup("members").ArrayOK()
	if !ok {
		return c, fmt.Errorf("%w: members is no array", ErrInvalidConfig)
	}
	values, err := list.Values()
	for i, value := range values {
		m := Member{BuildIndexes: true, Priority: 1, Votes: 1, Tags: bson.D{}}
		if err := value.Unmarshal(&m); err != nil {
			return c, fmt.Errorf("%w: members[%d]: %w", ErrInvalidConfig, i, err)
		}
		c.Members[i] = m
	}
	return c, errors.Join(err, c.Validate())
}

// Validate checks a configuration by itself.
func (c *Config) Validate() error {
	ids, hosts, electable := map[int32]bool{}, map[string]bool{}, 0
	for _, m := range c.Members {
		if ids[m.ID] || hosts[m.Host] {
			return fmt.Errorf("%w: two members are %d or %s", ErrInvalidConfig, m.ID, m.Host)
		}
		ids[m.ID], hosts[m.Host] = true, true
		if m.Votes == 0 && m.Priority != 0 {
			return fmt.Errorf("%w: %s has no vote and must have priority 0", ErrInvalidConfig, m.Host)
		}
		if m.Priority > 0 {
			electable++
		}
	}
	switch {
	case c.ID == "" || c.Version < 1 || c.ProtocolVersion != 1:
		return fmt.Errorf("%w: _id, version and protocolVersion 1 are required", ErrInvalidConfig)
	case len(c.Members) == 0 || len(c.Members) > maxMembers:
		return fmt.Errorf("%w: %d members, allowed are 1 to %d", ErrInvalidConfig, len(c.Members), maxMembers)
	case c.Voters() == 0 || c.Voters() > maxVoters:
		return fmt.Errorf("%w: %d members vote, allowed are 1 to %d", ErrInvalidConfig, c.Voters(), maxVoters)
	case electable == 0:
		return fmt.Errorf("%w: no member has a priority above 0", ErrInvalidConfig)
	}
	return nil
}

// Voters is how many members vote.
func (c *Config) Voters() (n int) {
	for _, m := range c.Members {
		n += int(m.Votes)
	}
	return n
}

// Majority is how many voters are more than half of them.
func (c *Config) Majority() int { return c.Voters()/2 + 1 }

// Compare says which of two configurations of a set is newer.
func (c *Config) Compare(version int32, term int64) int {
	// A configuration of no term comes from a forced change, and is compared by version alone.
	if c.Term < 0 || term < 0 {
		return cmp.Compare(c.Version, version)
	}
	return cmp.Or(cmp.Compare(c.Term, term), cmp.Compare(c.Version, version))
}

// Member is the member of this id, or nil.
func (c *Config) Member(id int32) *Member {
	for i := range c.Members {
		if c.Members[i].ID == id {
			return &c.Members[i]
		}
	}
	return nil
}

// ElectionTimeout is after how long without a primary a member stands for election.
func (c *Config) ElectionTimeout() time.Duration {
	return time.Duration(c.Settings.ElectionTimeoutMillis) * time.Millisecond
}

// HeartbeatInterval is how long after a heartbeat's answer the next is sent.
func (c *Config) HeartbeatInterval() time.Duration {
	return time.Duration(c.Settings.HeartbeatIntervalMillis) * time.Millisecond
}
