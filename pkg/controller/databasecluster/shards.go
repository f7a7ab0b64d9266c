// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Each shard has a primary of its own; a cluster without shards is one shard, and nothing below asks which it is. An
// engine may have none (leaderless.go), and an ensemble has a leader of its own (ensemble.go).

// Primary gives the member of a shard that says it is primary and that the Lease names, if the cluster has one; ok is
// false when there is none.
func (s Snapshot) Primary(shard int) (primary Member, ok bool) {
	return s.leader(resource.Place{Shard: shard})
}

// leader gives the leader of a group of members, of a shard or of an ensemble. Where the engine elects by itself two
// may say that they are it for a moment: the one of the higher epoch was elected.
func (s Snapshot) leader(group resource.Place) (leader Member, ok bool) {
	for _, m := range s.Members {
		if m.Group() == group && m.Pod != nil && m.Report.Role == v1alpha1.RolePrimary && s.holds(m) &&
			(!ok || m.Report.Epoch > leader.Report.Epoch) {
			leader, ok = m, true
		}
	}
	return leader, ok
}

// leads says whether a member is the leader of its group.
func (s Snapshot) leads(m Member) bool {
	leader, ok := s.leader(m.Group())
	return ok && leader.Name == m.Name
}

// isPrimary says whether a member is its shard's primary.
func (s Snapshot) isPrimary(m Member) bool { return m.Component == "" && s.leads(m) }

// holds says whether the Lease names this very incarnation of a member, or needs to.
func (s Snapshot) holds(m Member) bool {
	if !s.leaseElected() || m.Component != "" {
		return true
	}
	lease := s.Lease()
	return lease != nil && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity == m.Report.Incarnation
}

// votes are the members that elect a primary's successor by themselves; nil where the engine has no list of them.
func (s Snapshot) votes(primary Member) []string {
	if s.leaseElected() {
		return nil
	}
	return primary.Report.Electorate
}

// topology says how the members work together. Of an engine that this operator does not know nobody is primary unless a
// Lease says so.
func (s Snapshot) topology() engine.Topology {
	if s.Engine == nil {
		return engine.Topology{Leadership: engine.LeadershipLease}
	}
	return s.Engine.Topology(&s.Cluster.Spec)
}

// leaseElected says that the primary is whoever holds the Lease.
func (s Snapshot) leaseElected() bool { return s.topology().Leadership == engine.LeadershipLease }

// leaderless says that every member accepts writes, and none is primary.
func (s Snapshot) leaderless() bool { return s.topology().Leadership == engine.LeadershipNone }

// shards are those that have wanted members, in order: the ones of the spec, and those that leave.
func (d *Decision) shards(s Snapshot) []int {
	var shards []int
	for _, name := range d.Wanted {
		if m := s.Member(name); m.Component == "" && !slices.Contains(shards, m.Shard) {
			shards = append(shards, m.Shard)
		}
	}
	return shards
}

// primaries are those of all shards that have one, by shard.
func (d *Decision) primaries(s Snapshot) []Member {
	var all []Member
	for _, shard := range d.shards(s) {
		if primary, ok := s.Primary(shard); ok {
			all = append(all, primary)
		}
	}
	return all
}

// led says that every shard has a primary, if the engine has any. While one has none every vote may be needed, in the
// others too: there primaries vote for each other's successors.
func (d *Decision) led(s Snapshot) bool {
	return s.leaderless() || len(d.primaries(s)) == len(d.shards(s))
}

// wantedIn are the wanted members of a shard.
func (d *Decision) wantedIn(s Snapshot, shard int) []string {
	return slices.DeleteFunc(slices.Clone(d.Wanted), func(name string) bool {
		return s.Member(name).Group() != resource.Place{Shard: shard}
	})
}

// ofShard says in a message which shard it is about; nothing where there are none.
func ofShard(s Snapshot, shard int, message string) string {
	if s.Cluster.Spec.Shards == nil {
		return message
	}
	return fmt.Sprintf("shard %d: %s", shard, message)
}

// place is the place of a member; ok is false for a name that no member of this cluster can have.
func (s Snapshot) place(name string) (at resource.Place, ok bool) {
	at, ok = resource.PlaceOf(s.Cluster, name)
	if e := s.topology().Ensemble; at.Component != "" && (e == nil || e.Component != at.Component) {
		return resource.Place{}, false
	}
	return at, ok
}

// placeOf is the place of a member that is known to be one.
func placeOf(s Snapshot, name string) resource.Place {
	at, _ := resource.PlaceOf(s.Cluster, name)
	return at
}
