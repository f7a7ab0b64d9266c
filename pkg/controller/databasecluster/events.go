// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// transition is one event: told when a condition changes, never again while it stays.
type transition struct {
	kind, reason, action, note string
}

// eventful are the conditions whose change is worth an event, with the status that is good news. The others follow from
// these, and each event is a write to the API server.
var eventful = []struct {
	condition string
	good      metav1.ConditionStatus
}{
	{v1alpha1.ConditionAccepted, metav1.ConditionTrue},
	{v1alpha1.ConditionReady, metav1.ConditionTrue},
	{v1alpha1.ConditionAvailable, metav1.ConditionTrue},
	{v1alpha1.ConditionDegraded, metav1.ConditionFalse},
}

// transitions tells what changed between two statuses.
func transitions(was, is v1alpha1.DatabaseClusterStatus) []transition {
	var all []transition
	for _, e := range eventful {
		before := meta.FindStatusCondition(was.Conditions, e.condition)
		after := meta.FindStatusCondition(is.Conditions, e.condition)
		if t, ok := transitionOf(before, after, e.good); ok && !expected(was, is, after) {
			all = append(all, t)
		}
	}
	if f := newFailover(was, is); f != nil {
		all = append(all, transition{corev1.EventTypeNormal, "PrimaryChanged", "Observing", fmt.Sprintf(
			"%s is primary, %s was (%s, without a primary for at most %d ms)", f.To, f.From, f.Reason,
			f.UnavailableMilliseconds)})
	}
	return append(all, progress(was, is)...)
}

// newFailover is the change of primary that the new status tells of and the old one did not; nil for none.
func newFailover(was, is v1alpha1.DatabaseClusterStatus) *v1alpha1.FailoverStatus {
	before, after := was.LastFailover, is.LastFailover
	if after == nil || (before != nil && before.To == after.To && before.CompletionTime.Equal(after.CompletionTime)) {
		return nil
	}
	return after
}

// storied are the reasons of Progressing that are worth an event: what the operator does to a running database.
var storied = []string{v1alpha1.ReasonScaling, v1alpha1.ReasonSwitchingOver, v1alpha1.ReasonRollingOut}

// expected says that bad news is only a part of what the operator is doing: who changes hands is without a primary for
// a moment, and who restarts a replica has one less. A database whose members come up one after another never had the
// margin that it lacks.
func expected(was, is v1alpha1.DatabaseClusterStatus, news *metav1.Condition) bool {
	switch news.Reason {
	case v1alpha1.ReasonNoPrimary:
	case v1alpha1.ReasonNoQuorumMargin:
		if level(is) >= level(was) {
			return true
		}
	default:
		return false
	}
	for _, st := range []v1alpha1.DatabaseClusterStatus{was, is} {
		c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionProgressing)
		if c != nil && c.Status == metav1.ConditionTrue && slices.Contains(storied, c.Reason) {
			return true
		}
	}
	return false
}

// level counts the members that have what the primary has.
func level(s v1alpha1.DatabaseClusterStatus) (n int) {
	for _, m := range s.MemberStatuses {
		if m.CaughtUp {
			n++
		}
	}
	return n
}

// progress tells what begins to happen.
func progress(was, is v1alpha1.DatabaseClusterStatus) []transition {
	before := meta.FindStatusCondition(was.Conditions, v1alpha1.ConditionProgressing)
	after := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionProgressing)
	if after.Status != metav1.ConditionTrue || !slices.Contains(storied, after.Reason) ||
		(before != nil && before.Reason == after.Reason && before.Message == after.Message) {
		return nil
	}
	return []transition{{corev1.EventTypeNormal, after.Reason, "Acting", after.Message}}
}

// transitionOf tells whether a change of one condition is worth telling. Coming up is told once, by Ready; bad news is
// told whenever its reason changes; the end of bad news is told when the cluster is Ready again.
func transitionOf(before, after *metav1.Condition, good metav1.ConditionStatus) (transition, bool) {
	if after.Status == good {
		wasBad := before == nil || before.Status != good
		if after.Type == v1alpha1.ConditionReady && wasBad {
			return transition{corev1.EventTypeNormal, after.Reason, "Observing", after.Message}, true
		}
		return transition{}, false
	}
	isNew := before == nil || before.Status != after.Status || before.Reason != after.Reason
	fromGood := before != nil && before.Status == good
	switch after.Type {
	case v1alpha1.ConditionReady:
		return transition{}, false
	case v1alpha1.ConditionAvailable:
		// While the first primary is being made nothing is lost yet.
		if !fromGood {
			return transition{}, false
		}
	}
	if !isNew {
		return transition{}, false
	}
	return transition{corev1.EventTypeWarning, after.Reason, "Observing", after.Message}, true
}
