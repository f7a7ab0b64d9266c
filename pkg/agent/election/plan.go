// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Plan is what the election needs of the cluster's plan.
type Plan struct {
	// Members are the members, by ordinal.
	Members []string
	// Durability is when a write is acknowledged.
	Durability v1alpha1.Durability
	// SystemID is the identity of the data, "" until it is born.
	SystemID string
	// Initialiser is the one member that may make the first data, "" when nobody may.
	Initialiser string
	// Retained are the members with a volume of a former cluster, while a first primary is chosen among them.
	Retained []string
	// Stopped says that no engine shall run, Fenced whose shall not.
	Stopped bool
	Fenced  []string
	// Switchover asks a primary to hand over; nil when nobody does.
	Switchover *engine.Switchover
	// AcceptDataLoss says that somebody accepts a primary whose voters may not have everything; "" when nobody does.
	AcceptDataLoss string
}

// PlanOf takes what the election needs from the cluster's plan.
func PlanOf(p engine.Plan) Plan {
	short := Plan{
		Durability: p.Durability, SystemID: p.SystemID, Initialiser: p.Initialiser, Retained: p.RetainedMembers,
		Stopped: p.PowerState == v1alpha1.PowerStopped, Fenced: p.FencedMembers,
		Switchover: p.Switchover, AcceptDataLoss: p.AcceptDataLoss,
	}
	for _, m := range p.Members {
		short.Members = append(short.Members, m.Name)
	}
	return short
}

// idle says that the plan wants a member's engine down.
func (p Plan) idle(member string) bool { return p.Stopped || slices.Contains(p.Fenced, member) }

// others are the members beside one.
func (p Plan) others(member string) []string { return without(p.Members, member) }

// ahead says whether one member comes before another when both have the same data.
func (p Plan) ahead(a, b string) bool { return slices.Index(p.Members, a) < slices.Index(p.Members, b) }

func without(members []string, member string) []string {
	return slices.DeleteFunc(slices.Clone(members), func(m string) bool { return m == member })
}
