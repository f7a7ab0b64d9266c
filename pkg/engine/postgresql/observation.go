// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Observation is all that a pass of an agent knows. It is a value: a test can write one by hand.
type Observation struct {
	// Member is the member's name, Incarnation this life of its agent: "<pod>/<podUID>/<nonce>".
	Member      string
	Incarnation string
	// Stopping says that the agent was told to end.
	Stopping bool
	// Plan is the newest plan.
	Plan engine.Plan
	// Lease is who holds the cluster's Lease.
	Lease Lease
	// Volume is the member's volume, Server the engine's process on it.
	Volume Volume
	Server Server
	// Refused is why the engine does not take the plan's configuration; "" when it does. It runs with the last good one.
	Refused string
	// PrimaryServes says that the holder's pod carries the primary's label.
	PrimaryServes bool
	// Votes are the votes of the retained members, by name.
	Votes map[string]engine.Vote
}

// Lease is who holds the cluster's Lease.
type Lease struct {
	// Known says that the Lease was read since the agent's start.
	Known bool
	// Holder is the holderIdentity, "" when nobody holds it.
	Holder string
}

// Volume is what lies on the member's volume.
type Volume struct {
	// Locked says that this agent holds the volume's lock, so that no other engine can be on it.
	Locked bool
	// HasData says that a complete data directory is there; SystemID is its identity.
	HasData  bool
	SystemID string
	// Standby says that the data is marked to start as a replica.
	Standby bool
}

// Server is the engine's process.
type Server struct {
	// Running says that the process is there, Accepting that it takes connections.
	Running   bool
	Accepting bool
	// InRecovery says that it is a replica.
	InRecovery bool
	// Primary is the member that it was started or told to follow, "" for nobody.
	Primary string
	// Streaming says that a replica receives from its primary, Behind how many bytes of what it received are not applied.
	Streaming bool
	Behind    int64
	// Version is the version as the engine reports it.
	Version string
	// Timeline and Position are how far its data goes; Settled that it stands still.
	Timeline int64
	Position uint64
	Settled  bool
}

// Primary is the member that holds the Lease, "" for nobody.
func (o Observation) Primary() string {
	member, _, _ := strings.Cut(o.Lease.Holder, "/")
	return member
}
