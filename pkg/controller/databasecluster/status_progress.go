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

// progressing says what the operator or a member is at work on, and what that waits for.
func progressing(s Snapshot, d Decision) finding {
	if s.Cluster.Spec.Reconciliation == v1alpha1.ReconciliationPaused {
		return no(v1alpha1.ReasonPaused, "spec.reconciliation is Paused")
	}
	if !d.Verdict.Good() {
		return no(d.Verdict.Reason, "the spec cannot be carried out; what runs goes on as it is")
	}
	for _, b := range d.Obstacles {
		if b.Reason == v1alpha1.ReasonWaitingForDeletion {
			return yes(b.Reason, fmt.Sprintf(
				"%s %q of a former cluster of this name is being deleted", b.Ref.Kind, b.Ref.Name))
		}
	}
	switch missing := notReady(s, d.Wanted); {
	case systemID(s) == "":
		return yes(v1alpha1.ReasonCreating, firstOne(s))
	case draining(s, d) != "":
		return yes(v1alpha1.ReasonScaling, whatDrains(s)+draining(s, d))
	case surplus(s, d) != "":
		return yes(v1alpha1.ReasonScaling, "being removed: "+surplus(s, d)+waitsFor(s, d))
	case d.Handover != nil:
		return yes(v1alpha1.ReasonSwitchingOver, handover(s, d))
	case len(d.Outdated) > 0 || d.Restart != "":
		return yes(v1alpha1.ReasonRollingOut, "members are brought to the newest spec one by one"+waitsFor(s, d))
	case missing != "" && s.Cluster.Spec.PowerState == v1alpha1.PowerRunning:
		return yes(v1alpha1.ReasonMembersNotReady, "not ready: "+missing)
	case resizing(s) != "":
		return yes(v1alpha1.ReasonResizing, "volumes grow: "+resizing(s))
	}
	return no(v1alpha1.ReasonStable, "nothing is under way")
}

// whatDrains begins a message that names members of shards that are to go. Members that all accept writes move no data.
func whatDrains(s Snapshot) string {
	if s.leaderless() {
		return "removed when no data is left on them: "
	}
	return "their data moves to the others: "
}

// handover tells who hands over, or why not.
func handover(s Snapshot, d Decision) string {
	h := d.Handover
	if refused := s.Member(h.From).Report.Switchover; refused != nil && refused.ID == h.ID {
		return h.From + " could not hand over: " + refused.Message
	}
	if h.Target == "" {
		return h.From + " hands over to the replica that is first level with it"
	}
	return h.From + " hands over to " + h.Target
}

// surplus are members that have a pod and are not wanted.
func surplus(s Snapshot, d Decision) string {
	var names []string
	for _, m := range s.Members {
		if m.Pod != nil && !slices.Contains(d.Wanted, m.Name) {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ", ")
}

// draining are the members of shards that are to go and have data yet. Nothing of an ensemble is: it counts as shard 0.
func draining(s Snapshot, d Decision) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(d.Wanted), func(name string) bool {
		return placeOf(s, name).Shard < resource.Shards(s.Cluster)
	}), ", ")
}
