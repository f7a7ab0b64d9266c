// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package replset

// State is a member's state ("Replica Set Member States", mongodb.com/docs/manual/reference/replica-states/).
type State int32

// The states. A member is Startup until it has a configuration, Startup2 while it copies the data for the first time,
// and Unknown or Down only in the eyes of others.
const (
	Startup    State = 0
	Primary    State = 1
	Secondary  State = 2
	Recovering State = 3
	Startup2   State = 5
	Unknown    State = 6
	Down       State = 8
	Rollback   State = 9
	Removed    State = 10
)

func (s State) String() string {
	switch s {
	case Startup:
		return "STARTUP"
	case Primary:
		return "PRIMARY"
	case Secondary:
		return "SECONDARY"
	case Recovering:
		return "RECOVERING"
	case Startup2:
		return "STARTUP2"
	case Down:
		return "(not reachable/healthy)"
	case Rollback:
		return "ROLLBACK"
	case Removed:
		return "REMOVED"
	default:
		return "UNKNOWN"
	}
}

// Readable says whether a member in this state answers queries.
func (s State) Readable() bool { return s == Primary || s == Secondary }
