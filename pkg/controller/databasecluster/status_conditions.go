// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
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
		v1alpha1.ConditionFailoverReady: failoverReady(s, d),
	}
	found[v1alpha1.ConditionReady] = ready(s, d, o, found)
	all, types := slices.Clone(st.Conditions), conditionTypes
	if s.leaderless() && len(d.members(s)) > 1 {
		types = append(slices.Clone(types), v1alpha1.ConditionSchemaInSync)
		found[v1alpha1.ConditionSchemaInSync] = schemaInSync(s, d)
	} else {
		meta.RemoveStatusCondition(&all, v1alpha1.ConditionSchemaInSync)
	}
	for _, t := range types {
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

// available says whether the cluster accepts writes: every shard has a primary that the kubelet calls ready.
func available(s Snapshot, d Decision) finding {
	if stopped(s) {
		return no(v1alpha1.ReasonStopped, "spec.powerState is Stopped")
	}
	if s.leaderless() {
		return anybodyServes(s, d)
	}
	var serving, silent []string
	worth := worthOf(effectiveDurability(s, d))
	for _, shard := range d.shards(s) {
		primary, ok := s.Primary(shard)
		switch p := primary.Report.Problem; {
		case ok && p != nil && p.Reason == v1alpha1.ReasonWaitingForQuorum:
			return no(v1alpha1.ReasonWaitingForQuorum, ofShard(s, shard, p.Message))
		case ok && isReady(primary):
			serving = append(serving, primary.Name)
		default:
			silent = append(silent, ofShard(s, shard, "no member accepts writes"))
		}
	}
	switch {
	case len(silent) == 0 && len(serving) == 1:
		return yes(v1alpha1.ReasonPrimaryServing, serving[0]+" accepts writes"+worth)
	case len(silent) == 0:
		return yes(v1alpha1.ReasonPrimaryServing, "each of "+strings.Join(serving, ", ")+" accepts writes"+worth)
	}
	return unavailable(s, d, strings.Join(silent, "; "))
}

// unavailable says why nobody accepts writes: there is no data yet, or no primary.
func unavailable(s Snapshot, d Decision, silent string) finding {
	switch {
	case systemID(s) == "" && !d.Verdict.Good():
		return no(d.Verdict.Reason, "nothing was made, because the spec cannot be carried out")
	case systemID(s) == "" && len(retainedMembers(s)) > 0:
		return no(v1alpha1.ReasonWaitingForMembers, waitingForVotes(s))
	case systemID(s) == "":
		return no(v1alpha1.ReasonCreating, firstOne(s))
	}
	return no(v1alpha1.ReasonNoPrimary, silent)
}

// firstOne tells that data is being born.
func firstOne(s Snapshot) string {
	if s.leaderless() {
		return "the first member is being made"
	}
	return "the first primary is being made"
}

// worthOf says what an acknowledgement does not promise, where spec.durability makes one expect more: an
// engine without a commit quorum can only refuse writes while too few replicas are level.
func worthOf(effective v1alpha1.EffectiveDurability) string {
	if effective != v1alpha1.EffectiveBoundedLoss {
		return ""
	}
	return " and stops when too few replicas keep up; it acknowledges a write before replicas have it, so a failover " +
		"may lose the last seconds (BoundedLoss)"
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
	case len(d.Outdated) > 0:
		return no(v1alpha1.ReasonRollingOut, rollout(s, d))
	case len(behind) > 0:
		return no(v1alpha1.ReasonRollingOut, "these members have not yet taken over the newest spec: "+
			strings.Join(behind, ", "))
	case len(restart) > 0 && d.Restart != "":
		return no(v1alpha1.ReasonRollingOut, d.Restart+" restarts; parameters wait in "+strings.Join(restart, ", "))
	case len(restart) > 0:
		return no(v1alpha1.ReasonRestartPending, "parameters wait for a restart of "+strings.Join(restart, ", "))
	case len(d.OutdatedAgents) > 0:
		return yes(v1alpha1.ReasonAgentOutdated, "these pods keep an older agent until they are made anew: "+
			strings.Join(d.OutdatedAgents, ", "))
	}
	return yes(v1alpha1.ReasonUpToDate, "every member runs what the spec says")
}

// rollout tells how far a rolling change is, and what it waits for.
func rollout(s Snapshot, d Decision) string {
	waiting := make([]string, len(d.Outdated))
	for i, o := range d.Outdated {
		waiting[i] = o.Name + " (" + o.Why + ")"
	}
	message := "pods are made anew one by one: " + strings.Join(waiting, ", ")
	if s.leaderless() {
		return message + waitsFor(s, d)
	}
	if missing := notReady(s, d.Wanted); missing != "" {
		return message + "; first these must be ready: " + missing
	}
	return message
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
