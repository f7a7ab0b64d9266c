// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Observation is all that a pass of an agent knows. It is a value: a test can write one by hand.
type Observation struct {
	// Member is the member's name.
	Member string
	// Stopping says that the agent was told to end and that the election needs it no more.
	Stopping bool
	// Plan is the newest plan.
	Plan engine.Plan
	// Standing is what the election asks of the engine.
	Standing engine.Standing
	// Closed says that applications may not log in: the Service of the primary may still lead here, and a session that
	// came by it would find a replica for as long as it lasts.
	Closed bool
	// Primary is the primary that Standing names, as its agent told.
	Primary PrimaryState
	// Volume is the member's volume, Server the engine's process on it.
	Volume Volume
	Server Server
	// Crashes is how often the engine died by itself within the last minute.
	Crashes int
	// Pending are the parameters that wait for a restart.
	Pending []string
	// Refused is why the engine does not take the plan's configuration; "" when it does. It runs with the last good one.
	Refused string
	// Declined is the last request to hand over (Step.Request) that this member could not carry out.
	Declined string
	// Drained says that no data of the cluster is left in the member's shard, which the plan wants to go.
	Drained bool
	// SchemaBehind is what this member lacks of the schema (engine.MemberReport.SchemaBehind).
	SchemaBehind string
	// Problem is what the driver found that no step of this member mends, though it may go on serving; nil for nothing.
	Problem *engine.Problem
	// Tells is what the engine tells the members that follow it, in its own form; nil when there is nothing to tell.
	Tells []byte
}

// PrimaryState is a primary as its agent told.
type PrimaryState struct {
	// Known says that it told anything; Leading is the epoch in which it accepts writes, 0 when it does not.
	Known   bool
	Leading int64
	// SystemID is the identity of its data, Lineage where that comes from.
	SystemID string
	Lineage  engine.Lineage
	// Address is its IP address, which needs no DNS.
	Address string
	// Engine is what its engine tells others of the same engine, as the driver there gave it (Observation.Tells).
	Engine []byte
}

// Volume is what lies on the member's volume.
type Volume struct {
	// Locked says that this agent holds the volume's lock, so that no other engine can be on it.
	Locked bool
	// HasData says that a complete data directory is there; SystemID is its identity.
	HasData  bool
	SystemID string
	// Standby says that the data is to start as a replica, and to be promoted before it accepts writes.
	Standby bool
	// Broken says that the data is being replaced, and that the engine has not come up on the result yet. Rewound is
	// the primary to whose data it was completed in this life of the agent, "" when it was not.
	Broken  bool
	Rewound string
	// Resting says that the engine died with more than its disk has, and that another member may be taking over: it is not
	// to be started yet. Heir is the member that should be asked to, "" for nobody.
	Resting bool
	Heir    string
	// Rebuilt is the ID of the last request for a new copy that was carried out.
	Rebuilt string
	// Point is how far the data goes. Exact says that it is known to the last byte.
	Point engine.Point
	Exact bool
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
	// Receiving says that a process of it may still receive from a primary, Streaming that it does, Behind how many bytes
	// of what it received are not applied.
	Receiving bool
	Streaming bool
	Behind    int64
	// Version is the version as the engine reports it, Timeline the timeline that it is on.
	Version  string
	Timeline int64
	// Quiet says that nobody would miss it now: since StepQuiesce the statements of applications have come to an end, or
	// were waited for long enough.
	Quiet bool
	// Stranded says that it does not find the ensemble again, which is there for others: another life of it will.
	Stranded bool
	// Empty says that it is primary of nothing, so that there is nothing that another could take over.
	Empty bool
	// Settling says that its engine elects nobody in its place yet, because it has just elected another time.
	Settling bool
	// Term is the engine's own count of elections; 0 for an engine that has none.
	Term int64
	// Enforced is the commit quorum that it enforces, Flushed the last one by which a barrier was flushed.
	Enforced, Flushed engine.Quorum
	// Attached are the members that receive from it and are level.
	Attached []string
	// Electorate are the members that vote, by the engine's own list; nil for an engine that has none, and for a server
	// that is on none yet.
	Electorate []string
}

// Facts are what the election must know. Standing is the one under which the observation was made.
func Facts(o Observation) engine.Facts {
	f := engine.Facts{
		Locked: o.Volume.Locked, HasData: o.Volume.HasData, SystemID: o.Volume.SystemID, Standby: o.Volume.Standby,
		Point: o.Volume.Point, Exact: o.Volume.Exact,
		Running: o.Server.Running, Accepting: o.Server.Accepting, Crashes: o.Crashes,
		Receiving: o.Server.Running && (o.Server.Receiving || o.Server.Primary != ""),
		// An engine that need not stop to give up being primary receives from nobody from then on, and has come to rest.
		Resigned: !o.Server.Running || (o.Server.InRecovery && o.Server.Primary == "" && o.Volume.Exact),
	}
	f.Plays, f.Term, f.Electorate = plays(o.Server), o.Server.Term, o.Server.Electorate
	if o.Volume.Broken {
		f.Refuses = "its data is being copied anew"
	}
	if Foreign(o) {
		f.Refuses = "its volume holds the data of another database"
	}
	if o.Server.Accepting && !o.Server.InRecovery {
		if o.Standing.Part == engine.PartLead {
			f.Leading = o.Standing.Epoch
		}
		f.Enforced, f.Flushed, f.Attached = o.Server.Enforced, o.Server.Flushed, o.Server.Attached
	}
	return f
}

// plays is the part that the server plays by itself.
func plays(s Server) v1alpha1.MemberRole {
	switch {
	case !s.Accepting:
		return v1alpha1.RoleUnknown
	case s.InRecovery:
		return v1alpha1.RoleReplica
	}
	return v1alpha1.RolePrimary
}
