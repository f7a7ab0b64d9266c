// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Where every member accepts writes nobody is primary, and what the rest of this package asks of a primary is asked of
// the members that serve.

// members are the wanted members without the ensemble.
func (d *Decision) members(s Snapshot) []string {
	return slices.DeleteFunc(slices.Clone(d.Wanted), func(name string) bool { return s.Member(name).Component != "" })
}

// writers are the members that accept writes; none when a shard has nobody.
func (d *Decision) writers(s Snapshot) []Member {
	var all []Member
	for _, shard := range d.shards(s) {
		serving := d.servingIn(s, shard)
		if len(serving) == 0 {
			return nil
		}
		all = append(all, serving...)
	}
	return all
}

// servingIn are the members of a shard that serve.
func (d *Decision) servingIn(s Snapshot, shard int) []Member {
	var serving []Member
	for _, name := range d.wantedIn(s, shard) {
		if m := s.Member(name); isReady(m) && m.Report.Role != v1alpha1.RoleUnknown {
			serving = append(serving, m)
		}
	}
	return serving
}

// isMissed says whether anybody would miss a member, while those that are named are away. Without a primary its own
// word counts beside the kubelet's, as long as another is away too: one that votes, on a node too busy to answer a
// probe, may be just the one that a quorum needs.
func isMissed(s Snapshot, m Member, away string) bool {
	return isReady(m) || (s.leaderless() && m.Report.CaughtUp && away != m.Name)
}

// anybodyServes says whether the cluster accepts writes: a member of each shard is ready, and none of them says that
// writes are refused. Such members go on to serve reads.
func anybodyServes(s Snapshot, d Decision) finding {
	var serving, silent []string
	for _, shard := range d.shards(s) {
		ready := d.servingIn(s, shard)
		if len(ready) == 0 {
			silent = append(silent, ofShard(s, shard, "no member accepts writes"))
		}
		for _, m := range ready {
			if p := m.Report.Problem; p != nil && p.Reason == v1alpha1.ReasonWaitingForQuorum {
				return no(p.Reason, p.Message)
			}
			serving = append(serving, m.Name)
		}
	}
	switch {
	case len(silent) > 0 && systemID(s) != "":
		return no(v1alpha1.ReasonMembersNotReady, strings.Join(silent, "; "))
	case len(silent) > 0:
		return unavailable(s, d, "")
	}
	return yes(v1alpha1.ReasonMembersServing, "writes are accepted by "+strings.Join(serving, ", "))
}

// survivesALoss says whether any one member may be lost: every shard has another that is level, and the ensemble has a
// quorum without it.
func survivesALoss(s Snapshot, d Decision) finding {
	for _, shard := range d.shards(s) {
		serving := d.servingIn(s, shard)
		level := slices.DeleteFunc(serving, func(m Member) bool { return !m.Report.CaughtUp })
		if len(level) < 2 {
			return no(v1alpha1.ReasonNoCandidate, ofShard(s, shard, fmt.Sprintf(
				"%d of its members are ready and level, and the loss of any one must leave another", len(level))))
		}
	}
	if e := s.ensemble(); e != nil {
		if margin, known := d.ensembleMargin(s, e); !known || margin < 1 {
			return no(v1alpha1.ReasonNoQuorumMargin, fmt.Sprintf(
				"ensemble %s: the loss of one of its members would stop writes", e.Component))
		}
	}
	return yes(v1alpha1.ReasonCandidateReady, "any one member may be lost")
}

// noWriterMargin tells that the loss of one more member of a shard would stop writes, because they wait for a majority
// there. While a member that is there has yet to say something nobody knows.
func noWriterMargin(s Snapshot, d Decision) (trouble, bool) {
	if !s.leaderless() || s.Cluster.Spec.Members == 1 {
		return trouble{}, false
	}
	for _, shard := range d.shards(s) {
		level, waits, silent := 0, false, false
		for _, name := range d.wantedIn(s, shard) {
			m := s.Member(name)
			silent = silent || (m.Pod != nil && m.Report.Incarnation == "")
			waits = waits || waitsForReplicas(m)
			if m.Report.CaughtUp {
				level++
			}
		}
		if waits && !silent && level <= int(s.Cluster.Spec.Members)/2+1 {
			return trouble{v1alpha1.ReasonNoQuorumMargin, ofShard(s, shard,
				"the loss of one more member would stop writes")}, true
		}
	}
	return trouble{}, false
}

// schemaInSync says whether every member has the tables that the others have.
func schemaInSync(s Snapshot, d Decision) finding {
	var behind, silent []string
	for _, name := range d.members(s) {
		switch m := s.Member(name); {
		case m.Report.SchemaBehind != "":
			behind = append(behind, name+": "+m.Report.SchemaBehind)
		case m.Report.Role == v1alpha1.RoleUnknown:
			silent = append(silent, name)
		}
	}
	switch {
	case len(behind) > 0:
		return no(v1alpha1.ReasonSchemaBehind, strings.Join(behind, "; "))
	case len(silent) > 0:
		return unknown("these members have not told yet: " + strings.Join(silent, ", "))
	}
	return yes(v1alpha1.ReasonSchemaInSync, "every member has the tables that the others have")
}

// waitsFor ends a message about members that go one by one with those that must be back first. Where there is a primary
// it is left out: the kubelet's word on readiness would write status for nothing.
func waitsFor(s Snapshot, d Decision) string {
	if away := d.away(s); s.leaderless() && away != "" {
		return "; first these must be ready and level: " + away
	}
	return ""
}

// commonSystemID is whose data the members have, while nothing else says so: what the first member made or, where
// volumes were kept, what their members say once all have told and agree; "" while that is not known.
func commonSystemID(s Snapshot) string {
	kept := keptMembers(s)
	if len(kept) == 0 {
		return s.Member(resource.MemberName(s.Cluster, resource.Place{})).Report.SystemID
	}
	if ids, all := toldIDs(s, kept); all && len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// toldIDs are the different system IDs that members report, and whether all have told. A volume may be empty.
func toldIDs(s Snapshot, members []string) (ids []string, all bool) {
	all = true
	for _, name := range members {
		m := s.Member(name)
		all = all && m.Report.Incarnation != ""
		if id := m.Report.SystemID; id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, all
}

// strangers tells that volumes that were kept have the data of different databases. Which of them is wanted is for a
// human to say.
func strangers(s Snapshot) (trouble, bool) {
	if !s.leaderless() || systemID(s) != "" {
		return trouble{}, false
	}
	kept := keptMembers(s)
	ids, _ := toldIDs(s, kept)
	if len(ids) < 2 {
		return trouble{}, false
	}
	var told []string
	for _, name := range kept {
		told = append(told, fmt.Sprintf("%s has %q", name, s.Member(name).Report.SystemID))
	}
	return trouble{v1alpha1.ReasonForeignData, "volumes that were kept hold the data of different databases (" +
		strings.Join(told, ", ") + "); delete the volume claims of those that are not wanted"}, true
}
