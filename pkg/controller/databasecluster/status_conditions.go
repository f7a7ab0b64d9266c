// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/conditions"
)

// finding is one condition as a pass finds it.
type finding struct {
	status  metav1.ConditionStatus
	reason  string
	message string
}

func yes(reason, message string) finding { return finding{metav1.ConditionTrue, reason, message} }
func no(reason, message string) finding  { return finding{metav1.ConditionFalse, reason, message} }
func unknown(message string) finding {
	return finding{metav1.ConditionUnknown, v1alpha1.ReasonUnknown, message}
}

// conditionsOf gives all conditions of a cluster. Ready comes first because it is the one to read; it is computed last
// because it sums up the others.
func conditionsOf(s Snapshot, d Decision, o Outcome, st v1alpha1.DatabaseClusterStatus) []metav1.Condition {
	found := map[string]finding{
		v1alpha1.ConditionAccepted:      accepted(d),
		v1alpha1.ConditionAvailable:     available(s, d),
		v1alpha1.ConditionProgressing:   progressing(s, d),
		v1alpha1.ConditionDegraded:      degraded(s, d, o),
		v1alpha1.ConditionUpToDate:      upToDate(s, d),
		v1alpha1.ConditionFailoverReady: failoverReady(s),
	}
	found[v1alpha1.ConditionReady] = ready(s, d, o, found)
	all := slices.Clone(st.Conditions)
	for _, t := range conditionTypes {
		f := found[t]
		conditions.Set(&all, metav1.Condition{
			Type: t, Status: f.status, Reason: f.reason, Message: f.message,
			ObservedGeneration: s.Cluster.Generation, LastTransitionTime: s.Now,
		})
	}
	return all
}

// conditionTypes is the order of the conditions in status.
var conditionTypes = []string{
	v1alpha1.ConditionReady,
	v1alpha1.ConditionAvailable,
	v1alpha1.ConditionAccepted,
	v1alpha1.ConditionProgressing,
	v1alpha1.ConditionDegraded,
	v1alpha1.ConditionUpToDate,
	v1alpha1.ConditionFailoverReady,
}

func accepted(d Decision) finding {
	if d.Verdict.Good() {
		return yes(d.Verdict.Reason, d.Verdict.Message)
	}
	return no(d.Verdict.Reason, d.Verdict.Message)
}

// available says whether the cluster accepts writes: a primary that the Lease names and that the kubelet calls ready.
func available(s Snapshot, d Decision) finding {
	primary, ok := s.Primary()
	switch {
	case s.Cluster.Spec.PowerState == v1alpha1.PowerStopped:
		return no(v1alpha1.ReasonStopped, "spec.powerState is Stopped")
	case ok && isReady(primary):
		return yes(v1alpha1.ReasonPrimaryServing, fmt.Sprintf("%s accepts writes", primary.Name))
	case systemID(s) == "" && !d.Verdict.Good():
		return no(d.Verdict.Reason, "nothing was made, because the spec cannot be carried out")
	case systemID(s) == "" && len(retainedMembers(s)) > 0:
		return no(v1alpha1.ReasonWaitingForMembers, waitingForVotes(s))
	case systemID(s) == "":
		return no(v1alpha1.ReasonCreating, "the first primary is being made")
	}
	return no(v1alpha1.ReasonNoPrimary, "no member accepts writes")
}

// waitingForVotes names the members that must come up before a first primary is chosen among retained volumes.
func waitingForVotes(s Snapshot) string {
	var missing []string
	empty := true
	for _, name := range retainedMembers(s) {
		vote := s.Member(name).Report.Vote
		if vote == nil {
			missing = append(missing, name)
		}
		empty = empty && vote != nil && vote.SystemID == ""
	}
	if empty {
		// To initialise them would be a guess about somebody's data; a human can look, and say so by deleting them.
		return "volumes of a former cluster of this name were kept, and none has data; delete these volume claims to " +
			"begin anew: " + strings.Join(retainedMembers(s), ", ")
	}
	if len(missing) == 0 {
		return "every volume that was kept is there; the member with the newest data becomes primary"
	}
	return "volumes of a former cluster of this name were kept; before a primary is chosen, these members must tell " +
		"how far their data goes: " + strings.Join(missing, ", ")
}

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
		return yes(v1alpha1.ReasonCreating, "the first primary is being made")
	case surplus(s, d) != "":
		return yes(v1alpha1.ReasonScaling, "being removed: "+surplus(s, d))
	case missing != "" && s.Cluster.Spec.PowerState == v1alpha1.PowerRunning:
		return yes(v1alpha1.ReasonMembersNotReady, "not ready: "+missing)
	}
	return no(v1alpha1.ReasonStable, "nothing is under way")
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

func degraded(s Snapshot, d Decision, o Outcome) finding {
	wrong := troubles(s, d, o)
	if len(wrong) == 0 {
		return no(v1alpha1.ReasonHealthy, "nothing is wrong")
	}
	messages := make([]string, len(wrong))
	for i, t := range wrong {
		messages[i] = t.message
	}
	return yes(wrong[0].reason, strings.Join(messages, "; "))
}

// upToDate says whether every member has carried out the newest spec.
func upToDate(s Snapshot, d Decision) finding {
	if !d.Verdict.Good() {
		return no(d.Verdict.Reason, "the spec cannot be carried out; the members run an earlier one")
	}
	var behind, restart []string
	for _, m := range s.Members {
		if m.Pod != nil && m.Report.PlanGeneration < s.Cluster.Generation {
			behind = append(behind, m.Name)
		}
		if len(m.Report.PendingRestart) > 0 {
			restart = append(restart, m.Name+" ("+strings.Join(m.Report.PendingRestart, ", ")+")")
		}
	}
	switch {
	case len(d.OutdatedPods) > 0:
		return no(v1alpha1.ReasonPodOutdated, "these pods differ from the spec and take it over when they are made "+
			"anew: "+strings.Join(d.OutdatedPods, ", "))
	case len(behind) > 0:
		return no(v1alpha1.ReasonRollingOut, "these members have not yet taken over the newest spec: "+
			strings.Join(behind, ", "))
	case len(restart) > 0:
		return no(v1alpha1.ReasonRestartPending, "parameters wait for a restart of "+strings.Join(restart, ", "))
	case len(d.OutdatedAgents) > 0:
		return yes(v1alpha1.ReasonAgentOutdated, "these pods keep an older agent until they are made anew: "+
			strings.Join(d.OutdatedAgents, ", "))
	}
	return yes(v1alpha1.ReasonUpToDate, "every member runs what the spec says")
}

// failoverReady is honest: this version of AtlasDB has no failover.
func failoverReady(s Snapshot) finding {
	if s.Cluster.Spec.Members == 1 {
		return no(v1alpha1.ReasonSingleMember, "a single member has nobody to fail over to")
	}
	return no(v1alpha1.ReasonUnsupported, "this version of AtlasDB does not fail over; the primary restarts in place")
}

// conflicts says whether a name that the cluster needs is somebody else's.
func conflicts(d Decision) bool {
	return slices.ContainsFunc(d.Obstacles, func(o Obstacle) bool { return o.Reason == v1alpha1.ReasonNameConflict })
}

// ready sums up, with the reason that explains most: it is the STATUS column of kubectl get.
func ready(s Snapshot, d Decision, o Outcome, found map[string]finding) finding {
	if a := found[v1alpha1.ConditionAccepted]; a.status != metav1.ConditionTrue {
		return no(a.reason, a.message)
	}
	if s.Cluster.Spec.Reconciliation == v1alpha1.ReconciliationPaused {
		return unknown("spec.reconciliation is Paused")
	}
	missing := notReady(s, d.Wanted)
	serving := found[v1alpha1.ConditionAvailable].status == metav1.ConditionTrue && missing == ""
	// A cluster whose objects cannot all be made is not ready though its members are: a client may find no way to them.
	complete := len(o.Failures) == 0 && !conflicts(d)
	if g := found[v1alpha1.ConditionDegraded]; g.status == metav1.ConditionTrue && !(serving && complete) {
		return no(g.reason, g.message)
	}
	if a := found[v1alpha1.ConditionAvailable]; a.status != metav1.ConditionTrue {
		return no(a.reason, a.message)
	}
	if missing != "" {
		return no(v1alpha1.ReasonMembersNotReady, "not ready: "+missing)
	}
	if u := found[v1alpha1.ConditionUpToDate]; u.reason == v1alpha1.ReasonRollingOut {
		return no(u.reason, u.message)
	}
	return yes(v1alpha1.ReasonReady, "every member is ready and runs the newest spec")
}
