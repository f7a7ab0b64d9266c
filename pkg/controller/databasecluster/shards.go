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

// Each shard has a primary of its own; a cluster without shards is one shard, and nothing below asks which it is.

// Primary gives the member of a shard that says it is primary and that the Lease names, if the cluster has one; ok is
// false when there is none. Where the engine elects by itself two may say so for a moment: the one of the higher epoch
// was elected.
func (s Snapshot) Primary(shard int) (primary Member, ok bool) {
	for _, m := range s.Members {
		if m.Shard == shard && m.Pod != nil && m.Report.Role == v1alpha1.RolePrimary && s.holds(m) &&
			(!ok || m.Report.Epoch > primary.Report.Epoch) {
			primary, ok = m, true
		}
	}
	return primary, ok
}

// isPrimary says whether a member is its shard's primary.
func (s Snapshot) isPrimary(m Member) bool {
	primary, ok := s.Primary(m.Shard)
	return ok && primary.Name == m.Name
}

// holds says whether the Lease names this very incarnation of a member, or needs to.
func (s Snapshot) holds(m Member) bool {
	if !s.leaseElected() {
		return true
	}
	lease := s.Lease()
	return lease != nil && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity == m.Report.Incarnation
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
		if shard := s.Member(name).Shard; !slices.Contains(shards, shard) {
			shards = append(shards, shard)
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

// led says that every shard has a primary. While one has none every vote may be needed, in the others too: there
// primaries vote for each other's successors.
func (d *Decision) led(s Snapshot) bool { return len(d.primaries(s)) == len(d.shards(s)) }

// wantedIn are the wanted members of a shard.
func (d *Decision) wantedIn(s Snapshot, shard int) []string {
	return slices.DeleteFunc(slices.Clone(d.Wanted), func(name string) bool { return s.Member(name).Shard != shard })
}

// ofShard says in a message which shard it is about; nothing where there are none.
func ofShard(s Snapshot, shard int, message string) string {
	if s.Cluster.Spec.Shards == nil {
		return message
	}
	return fmt.Sprintf("shard %d: %s", shard, message)
}

// placeOf is the place of a member that is known to be one.
func placeOf(s Snapshot, name string) resource.Place {
	at, _ := resource.PlaceOf(s.Cluster, name)
	return at
}
