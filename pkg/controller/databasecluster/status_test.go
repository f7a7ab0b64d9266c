// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// condition gives status and reason of a condition as a pass finds it now.
func (w *world) condition(name string) string {
	w.t.Helper()
	w.saveStatus()
	c := meta.FindStatusCondition(w.snapshot.Cluster.Status.Conditions, name)
	return string(c.Status) + "/" + c.Reason
}

func TestWhetherAnotherCouldTakeOver(t *testing.T) {
	t.Parallel()
	behind := func(names ...string) func(*world) {
		return func(w *world) {
			for _, name := range names {
				w.report(name, func(r *engine.MemberReport) { r.CaughtUp = false })
			}
		}
	}
	gone := func(name string) func(*world) { return func(w *world) { w.drop("Pod", name) } }
	three := []string{"orders-db-0", "orders-db-1", "orders-db-2"}
	tests := []struct {
		name               string
		members            int32
		quorum             engine.Quorum
		change             func(*world)
		failover, degraded string
	}{
		{"all are level", 3, engine.MajorityOf(3, three), nil, "True/CandidateReady", "False/Healthy"},
		{"one is behind", 3, engine.MajorityOf(3, three), behind("orders-db-2"),
			"False/NoQuorumMargin", "True/NoQuorumMargin"},
		{"one is behind and no longer counted on", 3, engine.MajorityOf(3, three[:2]), behind("orders-db-2"),
			"True/CandidateReady", "True/NoQuorumMargin"},
		{"all are behind", 3, engine.MajorityOf(3, three), behind("orders-db-1", "orders-db-2"),
			"False/NoCandidate", "True/NoQuorumMargin"},
		{"one is gone", 3, engine.MajorityOf(3, three), gone("orders-db-1"), "False/NoQuorumMargin", "True/NoQuorumMargin"},
		{"two members", 2, engine.MajorityOf(2, three[:2]), nil, "True/CandidateReady", "True/NoQuorumMargin"},
		{"a single member", 1, engine.MajorityOf(1, three[:1]), nil, "False/SingleMember", "False/Healthy"},
		{"nobody is primary", 3, engine.MajorityOf(3, three), gone("orders-db-0"), "False/NoPrimary", "False/Healthy"},
		{"stopped", 3, engine.MajorityOf(3, three), func(w *world) {
			w.snapshot.Cluster.Spec.PowerState = v1alpha1.PowerStopped
		}, "False/Stopped", "False/Healthy"},
	}
	for _, tt := range tests {
		w := newWorld(t, tt.members)
		w.converge()
		for _, name := range three[1:tt.members] {
			w.report(name, func(*engine.MemberReport) {})
		}
		w.report("orders-db-0", func(r *engine.MemberReport) {
			r.Role, r.SystemID, r.Durability, r.Quorum = v1alpha1.RolePrimary, "7423", v1alpha1.EffectiveMajority, &tt.quorum
		})
		w.saveStatus()
		if tt.change != nil {
			tt.change(w)
		}
		if got := w.condition(v1alpha1.ConditionFailoverReady); got != tt.failover {
			t.Errorf("%s: FailoverReady is %s, want %s", tt.name, got, tt.failover)
		}
		if got := w.condition(v1alpha1.ConditionDegraded); got != tt.degraded {
			t.Errorf("%s: Degraded is %s, want %s", tt.name, got, tt.degraded)
		}
	}
}

func TestWritesThatWaitForAQuorumAreNotAvailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.converge()
	w.report("orders-db-0", func(r *engine.MemberReport) {
		r.Role, r.SystemID = v1alpha1.RolePrimary, "7423"
		r.Problem = &engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum, Message: "writes wait"}
	})
	if got := w.condition(v1alpha1.ConditionAvailable); got != "False/WaitingForQuorum" {
		t.Errorf("Available is %s", got)
	}
}

// TestBoundedLossIsTold: an engine without a commit quorum may lose what it acknowledged, and says so where a reader
// looks for whether writes are taken; a member too few stops its writes all the same.
func TestBoundedLossIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.converge()
	w.report("orders-db-1", func(*engine.MemberReport) {})
	for worth, told := range map[v1alpha1.EffectiveDurability]bool{
		v1alpha1.EffectiveBoundedLoss: true, v1alpha1.EffectiveMajority: false, v1alpha1.EffectiveNone: false,
	} {
		w.report("orders-db-0", func(r *engine.MemberReport) {
			r.Role, r.SystemID, r.Durability = v1alpha1.RolePrimary, "7423", worth
		})
		w.saveStatus()
		st := w.snapshot.Cluster.Status
		message := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionAvailable).Message
		if st.Durability.Effective != worth || strings.Contains(message, "may lose the last seconds") != told {
			t.Errorf("%s: effective %s, told %q", worth, st.Durability.Effective, message)
		}
		margin := "True/NoQuorumMargin"
		if worth == v1alpha1.EffectiveNone {
			margin = "False/Healthy"
		}
		if got := w.condition(v1alpha1.ConditionDegraded); got != margin {
			t.Errorf("%s: Degraded is %s, want %s", worth, got, margin)
		}
	}
}

func TestAFailoverIsToldOnceAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.converge()
	w.primary("orders-db-0", "7423")
	before := *w.snapshot.Cluster.Status.DeepCopy()
	if before.LastFailover != nil {
		t.Fatalf("the first primary is told as a failover: %+v", before.LastFailover)
	}
	w.report("orders-db-1", func(r *engine.MemberReport) {
		r.Role, r.SystemID, r.Promotion = v1alpha1.RolePrimary, "7423", &engine.PromotionReport{
			Epoch: 2, From: "orders-db-0", Reason: engine.FailoverExpired, UnavailableMilliseconds: 7100,
			Time: metav1.NewTime(time.Unix(2000, 0)),
		}
	})
	w.saveStatus()
	after := w.snapshot.Cluster.Status
	if f := after.LastFailover; f == nil || f.From != "orders-db-0" || f.To != "orders-db-1" ||
		f.UnavailableMilliseconds != 7100 || f.Reason != engine.FailoverExpired {
		t.Errorf("last failover %+v", f)
	}
	told := func(was, is v1alpha1.DatabaseClusterStatus) bool {
		return slices.ContainsFunc(transitions(was, is), func(x transition) bool { return x.reason == "PrimaryChanged" })
	}
	if !told(before, after) || told(after, after) {
		t.Errorf("told %t, told again %t: want once", told(before, after), told(after, after))
	}
	w.drop("Pod", "orders-db-1")
	w.saveStatus()
	if w.snapshot.Cluster.Status.LastFailover == nil {
		t.Error("it is forgotten with the pod")
	}
}

// TestAMarginThatIsLostIsTold, and one that was never there is not: members come up one after another.
func TestAMarginThatIsLostIsTold(t *testing.T) {
	t.Parallel()
	status := func(reason string, level int) v1alpha1.DatabaseClusterStatus {
		st := v1alpha1.DatabaseClusterStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue},
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse},
			{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue},
			{Type: v1alpha1.ConditionProgressing, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonMembersNotReady},
			{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse},
		}}
		if reason != "" {
			st.Conditions[4].Status, st.Conditions[4].Reason = metav1.ConditionTrue, reason
		}
		for i := range 3 {
			st.MemberStatuses = append(st.MemberStatuses, v1alpha1.MemberStatus{CaughtUp: i < level})
		}
		return st
	}
	for _, tt := range []struct {
		name   string
		before int
		after  int
		told   bool
	}{
		{"the second member of three is level", 1, 2, false},
		{"a replica is not level any more", 3, 2, true},
	} {
		all := transitions(status("", tt.before), status(v1alpha1.ReasonNoQuorumMargin, tt.after))
		if told := len(all) == 1 && all[0].reason == v1alpha1.ReasonNoQuorumMargin; told != tt.told {
			t.Errorf("%s: told %v", tt.name, all)
		}
	}
}
