// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// failoverReady says whether another member could take over now, in every shard: a replica that is level and, under
// Majority, enough others to vote for it.
func failoverReady(s Snapshot, d Decision) finding {
	switch {
	case len(retainedMembers(s)) > 0:
		return no(v1alpha1.ReasonWaitingForMembers, waitingForVotes(s))
	case s.Cluster.Spec.Members == 1:
		return no(v1alpha1.ReasonSingleMember, "a single member has nobody to fail over to")
	case stopped(s):
		return no(v1alpha1.ReasonStopped, "spec.powerState is Stopped")
	case s.leaderless():
		return survivesALoss(s, d)
	}
	var candidates []string
	for _, shard := range d.shards(s) {
		found, reason, message := d.successors(s, shard)
		if reason != "" {
			return no(reason, ofShard(s, shard, message))
		}
		candidates = append(candidates, found...)
	}
	return yes(v1alpha1.ReasonCandidateReady, "could take over: "+strings.Join(candidates, ", "))
}

// successors are the members that could take over from a shard's primary now, or the reason why nobody could.
func (d *Decision) successors(s Snapshot, shard int) (candidates []string, reason, message string) {
	primary, ok := s.Primary(shard)
	if !ok {
		return nil, v1alpha1.ReasonNoPrimary, "a primary is being elected" + because(s)
	}
	candidates = d.candidates(s, shard)
	votes := s.votes(primary)
	switch quorum := primary.Report.Quorum; {
	case len(candidates) == 0:
		return nil, v1alpha1.ReasonNoCandidate, "no replica is caught up"
	case len(candidates) < len(votes)/2+1 && votes != nil:
		return nil, v1alpha1.ReasonNoQuorumMargin, fmt.Sprintf("without the primary, %s would have fewer than %d of %d votes",
			strings.Join(candidates, ", "), len(votes)/2+1, len(votes))
	case quorum != nil && !quorum.Promotable(candidates):
		return nil, v1alpha1.ReasonNoQuorumMargin, fmt.Sprintf("%s %s: without the primary, %s may "+
			"lack some of them", whereWritesAre(primary), quorum, strings.Join(candidates, ", "))
	}
	return candidates, "", ""
}

// whereWritesAre begins a sentence that ends in a quorum.
func whereWritesAre(primary Member) string {
	if primary.Report.Durability == v1alpha1.EffectiveBoundedLoss {
		return "all but the newest writes are on"
	}
	return "acknowledged writes are on"
}

// because tells what a member says keeps it from being primary.
func because(s Snapshot) string {
	for _, m := range s.Members {
		if p := m.Report.Problem; p != nil && p.Reason == v1alpha1.ReasonWaitingForMembers {
			return ": " + p.Message
		}
	}
	return ""
}

// waitingForVotes tells what is missing before a first primary is chosen among retained volumes.
func waitingForVotes(s Snapshot) string {
	retained := retainedMembers(s)
	told := because(s)
	if told == "" && !slices.ContainsFunc(retained, func(name string) bool {
		m := s.Member(name)
		return m.Pod == nil || m.Report.SystemID != "" || m.Report.Incarnation == ""
	}) {
		// To initialise them would be a guess about somebody's data; a human can look, and say so by deleting them.
		return "volumes of a former cluster of this name were kept, and none has data; delete these volume claims to " +
			"begin anew: " + strings.Join(retained, ", ")
	}
	if s.leaderless() {
		return "volumes of a former cluster of this name were kept; their members begin when all of these have told whose " +
			"data is on theirs: " + strings.Join(retained, ", ") + told
	}
	return "volumes of a former cluster of this name were kept; the member with the newest data becomes primary when " +
		"all of these have told how far theirs goes: " + strings.Join(retained, ", ") + told
}
