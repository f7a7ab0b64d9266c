// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantedMembers are the members that should exist, by shard and ordinal: as many as the spec says, the lowest ordinals
// of the lowest shards, and whoever still has something that others need. While a first primary is being chosen among
// retained volumes, every member that has one is wanted too, because each may have the newest data.
func wantedMembers(s Snapshot) []string {
	var wanted []resource.Place
	for shard := range resource.Shards(s.Cluster) {
		wanted = append(wanted, wantedOf(s, shard)...)
	}
	for _, name := range append(undrainedMembers(s), retainedMembers(s)...) {
		wanted = append(wanted, placeOf(s, name))
	}
	slices.SortFunc(wanted, resource.Place.Compare)
	wanted = slices.Compact(wanted)
	wanted = append(wanted, wantedEnsemble(s)...)
	names := make([]string, len(wanted))
	for i, at := range wanted {
		names[i] = resource.MemberName(s.Cluster, at)
	}
	return names
}

// wantedOf are the members that a shard should have. A primary beyond them stays until it has handed over
// (decide_handover.go). Where the engine elects by itself, and nobody is primary, whoever may be stays, or comes back:
// a vote that the spec can do without may be the one that is missing.
func wantedOf(s Snapshot, shard int) []resource.Place {
	primary, known := lastPrimary(s, shard)
	var wanted []resource.Place
	if !known || !staysAlone(s, shard) {
		for ordinal := range int(s.Cluster.Spec.Members) {
			wanted = append(wanted, resource.Place{Shard: shard, Ordinal: ordinal})
		}
	}
	if known {
		wanted = append(wanted, primary)
	}
	if _, led := s.Primary(shard); !led && s.topology().Leadership == engine.LeadershipElected {
		for _, name := range slices.Concat(plannedMembers(s), toldElectorate(s, shard)) {
			if at := placeOf(s, name); at.Shard == shard {
				wanted = append(wanted, at)
			}
		}
	}
	return wanted
}

// staysAlone says that the primary is the single member, whatever its ordinal: a copy of all data is made for more
// members, never to have another name. Member 0 takes over only when it is there and level. While nobody is primary it
// stays too, since it may be the one that is about to be.
func staysAlone(s Snapshot, shard int) bool {
	if s.Cluster.Spec.Members > 1 {
		return false
	}
	first := s.Member(resource.MemberName(s.Cluster, resource.Place{Shard: shard}))
	if _, ok := s.Primary(shard); !ok {
		return first.Pod == nil
	}
	return !isReady(first) || !first.Report.CaughtUp
}

// lastPrimary is the place of a shard's primary, or of the last one that was known: the newest data is there. The Lease
// knows better than status, which is written when there is nothing else to do.
func lastPrimary(s Snapshot, shard int) (at resource.Place, known bool) {
	if primary, ok := s.Primary(shard); ok {
		return primary.Place, true
	}
	if lease := s.Lease(); lease != nil {
		member, _, _ := strings.Cut(holder(lease), "/")
		if at, known = resource.PlaceOf(s.Cluster, member); known {
			return at, at.Shard == shard
		}
	}
	at, known = resource.PlaceOf(s.Cluster, s.Cluster.Status.Primary)
	return at, known && at.Shard == shard
}

// undrainedMembers are the members of shards that the spec no longer has, until their data is with the others. What the
// agents are told to drain is in their plan, and remembered there over a stop: a shard that was drained once is not
// told of any more, and does not come back because one of its pods says something else.
func undrainedMembers(s Snapshot) []string {
	var names []string
	planned := plannedMembers(s)
	for _, name := range planned {
		if shard := placeOf(s, name).Shard; shard >= resource.Shards(s.Cluster) && !drained(s, shard, planned) {
			names = append(names, name)
		}
	}
	return names
}

// drained says that no data is left in a shard: each of its members says so of the newest plan, and nobody who accepts
// writes can be moving data there by an older one.
func drained(s Snapshot, shard int, planned []string) bool {
	for _, name := range planned {
		m := s.Member(name)
		switch current := m.Pod != nil && m.Report.PlanGeneration >= s.Cluster.Generation; {
		case m.Shard == shard && !(current && m.Report.Drained):
			return false
		case (s.leaderless() || s.isPrimary(m)) && !current:
			return false
		}
	}
	return true
}

// plannedMembers are the members of shards that the agents know of. Where their plan was lost, all that have a volume
// count: to drain a shard twice costs nothing, to forget one loses its data.
func plannedMembers(s Snapshot) []string {
	var names []string
	if plan := planInForce(s); plan.ClusterUID == string(s.Cluster.UID) {
		for _, m := range plan.Members {
			if at, ok := resource.PlaceOf(s.Cluster, m.Name); ok && at.Component == "" {
				names = append(names, m.Name)
			}
		}
		return names
	}
	for _, m := range s.Members {
		if m.Volume != nil && m.Component == "" {
			names = append(names, m.Name)
		}
	}
	return names
}
