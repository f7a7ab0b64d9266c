// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// MostVoters is how many members of a set may vote
// (https://www.mongodb.com/docs/manual/core/replica-set-members/).
const MostVoters = 7

// WantedVoters are the planned members that are to vote, by ordinal: an odd number of them, since one more than that
// only adds somebody whose loss counts. With two members both vote. One voter of two would go on writing when the other
// is lost, but could never be replaced itself, and a majority of one is not two copies; so two voters wait for each
// other, as PROTOCOL I6a has it for every engine.
func WantedVoters(plan engine.Plan) []string {
	members := plan.InShard(0)
	n := min(len(members), MostVoters)
	if n > 2 && n%2 == 0 {
		n--
	}
	names := make([]string, n)
	for i := range names {
		names[i] = members[i].Name
	}
	return names
}

// IsVoter says whether a member is to vote by the plan. Only such a one may be primary.
func IsVoter(plan engine.Plan, member string) bool {
	return slices.Contains(WantedVoters(plan), member)
}

// NameOf is the name of the member that a host of a configuration is; of one that the plan does not have, the host's
// first label, which is the name that its pod has or had.
func (s ReplicaSet) NameOf(host string) string {
	for _, m := range s.Plan.Members {
		if HostOf(m) == host {
			return m.Name
		}
	}
	name, _, _ := strings.Cut(host, ".")
	return name
}

// planned is the planned member that a host is.
func (s ReplicaSet) planned(host string) (engine.PlanMember, bool) {
	i := slices.IndexFunc(s.Plan.Members, func(m engine.PlanMember) bool { return HostOf(m) == host })
	if i < 0 {
		return engine.PlanMember{}, false
	}
	return s.Plan.Members[i], true
}

// without says that a majority of the voters that stay is level when one is gone, so that the set goes on writing.
func (s ReplicaSet) without(host string) bool {
	stay, level := 0, 0
	for _, m := range s.Config.Voters() {
		if m.Host == host {
			continue
		}
		stay++
		if s.Level(m.Host) {
			level++
		}
	}
	return level > stay/2
}

// Margin says that the set goes on writing without any one of its members: a majority of all voters is level whoever
// is lost.
func (s ReplicaSet) Margin() bool {
	level := 0
	for _, m := range s.Config.Voters() {
		if s.Level(m.Host) {
			level++
		}
	}
	return level-1 >= s.Config.Majority()
}
