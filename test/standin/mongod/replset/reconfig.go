// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"errors"
	"fmt"
)

// ErrIncompatibleConfig is returned for a configuration that must not follow the present one.
var ErrIncompatibleConfig = errors.New("new and old replica set configurations are incompatible")

// MayFollow says whether next may replace the configuration without force: two majorities, one of each, must have a
// voter in common, so at most one vote may be given or taken.
func (c *Config) MayFollow(next *Config) error {
	switch {
	case next.ID != c.ID:
		return fmt.Errorf("%w: the set is %s, not %s", ErrIncompatibleConfig, c.ID, next.ID)
	case next.Version <= c.Version:
		return fmt.Errorf("%w: version %d must be above %d", ErrIncompatibleConfig, next.Version, c.Version)
	case next.Settings.ReplicaSetID != c.Settings.ReplicaSetID:
		return fmt.Errorf("%w: replicaSetId must stay", ErrIncompatibleConfig)
	}
	for _, m := range next.Members {
		if err := c.keepsIdentity(m); err != nil {
			return err
		}
	}
	if changes := c.voteChanges(next) + next.added(c); changes > 1 {
		return fmt.Errorf("%w: %d votes change, at most 1 may; add or remove one voting member at a time",
			ErrIncompatibleConfig, changes)
	}
	return nil
}

// keepsIdentity refuses a host under another _id: positions and votes are counted by _id.
func (c *Config) keepsIdentity(m Member) error {
	for _, old := range c.Members {
		if old.Host == m.Host && old.ID != m.ID {
			return fmt.Errorf("%w: %s has the _id %d, not %d", ErrIncompatibleConfig, m.Host, old.ID, m.ID)
		}
	}
	return nil
}

// voteChanges is how many present members have another number of votes in next, or are not in it and have one.
func (c *Config) voteChanges(next *Config) (n int) {
	for _, old := range c.Members {
		var votes int32
		if now := next.Member(old.ID); now != nil {
			votes = now.Votes
		}
		if votes != old.Votes {
			n++
		}
	}
	return n
}

// added is how many members with a vote were not in the configuration before.
func (c *Config) added(before *Config) (n int) {
	for _, m := range c.Members {
		if before.Member(m.ID) == nil && m.Votes > 0 {
			n++
		}
	}
	return n
}
