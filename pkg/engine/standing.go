// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"

// Part is what an election asks of a member.
type Part string

// The parts.
const (
	// PartNobody: receive from nobody and accept no writes. So every agent begins, and so it ends up when nothing is
	// known.
	PartNobody Part = "Nobody"
	// PartYield: as PartNobody, by promise. The member has voted, or is about to, in Standing.Epoch.
	PartYield Part = "Yield"
	// PartFollow: receive from Standing.Primary.
	PartFollow Part = "Follow"
	// PartLead: be primary in Standing.Epoch, and make every write wait for Standing.Quorum.
	PartLead Part = "Lead"
	// PartResign: stop the engine cleanly, so that another can be primary.
	PartResign Part = "Resign"
)

// Standing is what the election asks of the engine of a member. The election says who; the engine's rules say how.
type Standing struct {
	// Part is the member's part.
	Part Part
	// Epoch is the tenure that the part belongs to.
	Epoch int64
	// Primary is the member to follow, for PartFollow.
	Primary string
	// Quorum is what the engine must enforce, for PartLead.
	Quorum Quorum
	// Found says that this member may make the very first data, for PartLead.
	Found bool
}

// Facts are what the election must know of the engine of a member. They are as old as the last pass of the agent.
type Facts struct {
	// Locked says that the agent holds the volume's lock: no engine of an earlier life is left.
	Locked bool
	// HasData says that there is data; SystemID is its identity.
	HasData  bool
	SystemID string
	// Standby says that the data is a replica's, or a primary's that may lack what it acknowledged; false for a primary's
	// that has it all.
	Standby bool
	// Point is how far the data goes; Exact says that it is known to the last byte. For a primary it never is.
	Point Point
	Exact bool
	// Receiving says that the engine receives from another member, or might.
	Receiving bool
	// Running says that the engine's process is there, Accepting that it answers.
	Running   bool
	Accepting bool
	// Resigned says that the engine accepts writes no more and its position is final, because it was told to resign.
	Resigned bool
	// Leading is the epoch in which the engine accepts writes as primary, 0 when it does not.
	Leading int64
	// Plays is the part that the running engine plays, whatever was asked of it; Term is its own count of elections, 0
	// for an engine that has none.
	Plays v1alpha1.MemberRole
	Term  int64
	// Electorate are the members that vote, by the engine's own list; nil for an engine that has none.
	Electorate []string
	// Enforced is the commit quorum that the engine enforces.
	Enforced Quorum
	// Flushed is the last commit quorum whose barrier was flushed: all that was acknowledged before is on it too.
	Flushed Quorum
	// Attached are the members that receive from this primary and are level with it.
	Attached []string
	// Crashes is how many times the engine died by itself within the last minute.
	Crashes int
	// Refuses is why this member must not become primary; "" when it may.
	Refuses string
}

// Equal says whether two standings ask for the same.
func (s Standing) Equal(other Standing) bool {
	return s.Part == other.Part && s.Epoch == other.Epoch && s.Primary == other.Primary && s.Found == other.Found &&
		s.Quorum.Equal(other.Quorum)
}
