// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// town is a world whose members live: their agents do what the plan says, and the kubelet starts their pods. It writes
// down what happens, and fails the test when the cluster loses more than one member at a time.
type town struct {
	*world
	lead    string
	pending map[string][]string // parameters that wait for a restart, by member
	broken  string              // an image whose container never becomes ready
	story   []string
	moment  time.Time
}

func newTown(t *testing.T, members int32) *town {
	t.Helper()
	w := &town{world: newWorld(t, members), pending: map[string][]string{}, moment: time.Unix(1000, 0)}
	w.converge()
	w.lead = "orders-db-0"
	w.settle()
	w.story = nil
	return w
}

// settle lets everybody act until nothing happens any more.
func (w *town) settle() {
	w.t.Helper()
	for range 200 {
		w.moment = w.moment.Add(time.Second)
		w.snapshot.Now = metav1.NewTime(w.moment)
		before := w.names("Pod")
		busy := w.step()
		w.notice(before)
		if alive := w.live(); !alive && !busy {
			return
		}
	}
	w.t.Fatalf("not settled after 200 rounds: %v", w.story)
}

func (w *town) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// notice writes down the pods that went and came.
func (w *town) notice(before []string) {
	after := w.names("Pod")
	for _, name := range before {
		if !slices.Contains(after, name) {
			w.tell("-%s", name)
			if w.lead == name {
				w.lead = ""
			}
		}
	}
	for _, name := range after {
		if !slices.Contains(before, name) {
			w.snapshot.Member(name).Pod.CreationTimestamp = w.snapshot.Now
			w.pending[name] = nil
			w.tell("+%s", name)
		}
	}
}

// live lets the agents act, and says whether anything changed.
func (w *town) live() (changed bool) {
	plan := w.plan()
	if h := plan.Switchover; h != nil && h.From == w.lead && w.snapshot.Member(h.Target).Pod != nil {
		w.tell("%s>%s", h.From, h.Target)
		w.lead, changed = h.Target, true
	}
	if m := plan.RestartMember; len(w.pending[m]) > 0 {
		w.tell("~%s", m)
		w.pending[m], changed = nil, true
	}
	if w.lead == "" && len(w.snapshot.Members) > 0 && plan.PowerState == v1alpha1.PowerRunning {
		w.lead, changed = w.heir(), true
	}
	down := 0
	for _, m := range w.snapshot.Members {
		if m.Pod == nil {
			continue
		}
		before := m.Pod.Annotations[v1alpha1.AnnotationMember]
		w.report(m.Name, func(r *engine.MemberReport) {
			r.PendingRestart, r.SystemID = w.pending[m.Name], "7423"
			if m.Name == w.lead {
				r.Role = v1alpha1.RolePrimary
			}
		})
		if w.broken != "" && m.Pod.Spec.Containers[0].Image == w.broken {
			m.Pod.Status.Conditions = nil
			down++
		}
		changed = changed || before != m.Pod.Annotations[v1alpha1.AnnotationMember]
	}
	if down > 1 {
		w.t.Fatalf("%d members are down at once: %v", down, w.story)
	}
	w.saveStatus()
	return changed
}

// heir is a member that the others would elect.
func (w *town) heir() string {
	for _, m := range w.snapshot.Members {
		if m.Pod != nil {
			return m.Name
		}
	}
	return ""
}

func (w *town) edit(change func(*v1alpha1.DatabaseClusterSpec)) {
	change(&w.snapshot.Cluster.Spec)
	w.snapshot.Cluster.Generation++
}

func (w *town) mustTell(want string) {
	w.t.Helper()
	if got := strings.Join(w.story, " "); got != want {
		w.t.Errorf("what happened: %s\nwant:          %s", got, want)
	}
	w.story = nil
}

func TestAChangeReachesReplicasFirstAndThePrimaryLast(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Scheduling.PriorityClassName = "high" })
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2 -orders-db-1 +orders-db-1 orders-db-0>orders-db-1 -orders-db-0 +orders-db-0")
	if w.decide(); w.ready() != "True/Ready" {
		t.Errorf("ready = %s", w.ready())
	}
}

func TestAChangeRestartsThePrimaryInPlaceWhenAskedTo(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) {
		s.Scheduling.PriorityClassName = "high"
		s.UpdatePolicy.Primary = v1alpha1.PrimaryUpdateRestart
	})
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2 -orders-db-1 +orders-db-1 -orders-db-0 +orders-db-0")
}

func TestAChangeOfASingleMember(t *testing.T) {
	t.Parallel()
	w := newTown(t, 1)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Scheduling.PriorityClassName = "high" })
	w.settle()
	w.mustTell("-orders-db-0 +orders-db-0")
}

func TestABadChangeStopsAtItsFirstMemberAndGoesBack(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.snapshot.Cluster.Spec.Version = "17.10"
	w.broken = "postgres:17.10"
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2")
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Version = "17.6" })
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2")
	if w.lead != "orders-db-0" || w.ready() != "True/Ready" {
		t.Errorf("primary %s, ready %s", w.lead, w.ready())
	}
}

func TestParametersRestartReplicasFirst(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	for _, m := range []string{"orders-db-0", "orders-db-1", "orders-db-2"} {
		w.pending[m] = []string{"max_connections"}
	}
	w.settle()
	w.mustTell("~orders-db-2 ~orders-db-1 orders-db-0>orders-db-1 ~orders-db-0")
}

func TestScaleInOfThePrimarySwitchesOverFirst(t *testing.T) {
	t.Parallel()
	w := newTown(t, 5)
	w.lead = "orders-db-4"
	w.settle()
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Members = 2 })
	w.settle()
	w.mustTell("orders-db-4>orders-db-0 -orders-db-3 -orders-db-4 -orders-db-2")
	if got := w.names("PersistentVolumeClaim"); len(got) != 5 {
		t.Errorf("volumes %v, want all five kept", got)
	}
}

func TestScaleOutWaitsForTheLease(t *testing.T) {
	t.Parallel()
	w := newTown(t, 1)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Members = 3 })
	w.converge()
	if got := w.names("Pod"); len(got) != 1 {
		t.Errorf("pods %v were made before the primary has listed them", got)
	}
	w.settle()
	w.mustTell("+orders-db-1 +orders-db-2")
}

func TestStopTakesThePrimaryLastAndStartBringsAllBack(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.lead = "orders-db-1"
	w.settle()
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.PowerState = v1alpha1.PowerStopped })
	w.settle()
	w.mustTell("-orders-db-0 -orders-db-2 -orders-db-1")
	if got := w.names("PersistentVolumeClaim"); len(got) != 3 {
		t.Errorf("volumes %v, want all kept", got)
	}
	w.lead = "orders-db-1"
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.PowerState = v1alpha1.PowerRunning })
	w.settle()
	w.mustTell("+orders-db-0 +orders-db-1 +orders-db-2")
}

func TestAFencedPrimaryHandsOver(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.FencedMembers = []string{"orders-db-0"} })
	w.settle()
	w.mustTell("orders-db-0>orders-db-1")
}

func TestAnOperationRestartsEveryPodOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.snapshot.Operation = &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{
			Name: "now", UID: "op", CreationTimestamp: metav1.NewTime(w.moment.Add(time.Second)),
		},
		Spec: v1alpha1.DatabaseOperationSpec{Type: v1alpha1.OperationRestart},
	}
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2 -orders-db-1 +orders-db-1 orders-db-0>orders-db-1 -orders-db-0 +orders-db-0")
}

func TestAPodIsNotMadeAnewWhileAnotherGoes(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	going := w.snapshot.Member("orders-db-1").Pod
	going.DeletionTimestamp = &w.snapshot.Now
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Scheduling.PriorityClassName = "high" })
	for _, x := range w.decide().Deletes {
		if pod, ok := x.Seen.(*corev1.Pod); ok {
			t.Errorf("%s is taken away while orders-db-1 is still going", pod.Name)
		}
	}
}

func TestPodsOlderThanTheirServiceAccountAreMadeAnewOneByOne(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.moment = w.moment.Add(time.Minute)
	w.snapshot.Objects[Ref{"ServiceAccount", "orders-db"}].SetCreationTimestamp(metav1.NewTime(w.moment))
	w.settle()
	w.mustTell("-orders-db-2 +orders-db-2 -orders-db-1 +orders-db-1 orders-db-0>orders-db-1 -orders-db-0 +orders-db-0")
}

// away takes the readiness of a member.
func (w *town) away(member string) { w.snapshot.Member(member).Pod.Status.Conditions = nil }

func TestOneThingAtATime(t *testing.T) {
	t.Parallel()
	switchover := func(w *town) {
		w.snapshot.Operation = &v1alpha1.DatabaseOperation{
			ObjectMeta: metav1.ObjectMeta{Name: "now", UID: "op"},
			Spec:       v1alpha1.DatabaseOperationSpec{Type: v1alpha1.OperationSwitchover},
			Status:     v1alpha1.DatabaseOperationStatus{Primary: "orders-db-0", StartTime: &w.snapshot.Now},
		}
	}
	pending := func(w *town) {
		w.report("orders-db-2", func(r *engine.MemberReport) { r.PendingRestart = []string{"max_connections"} })
	}
	outdated := func(w *town) { w.snapshot.Cluster.Spec.Scheduling.PriorityClassName = "high" }
	inPlace := func(w *town) { w.snapshot.Cluster.Spec.UpdatePolicy.Primary = v1alpha1.PrimaryUpdateRestart }
	refused := func(w *town) {
		w.report("orders-db-0", func(r *engine.MemberReport) {
			r.Role, r.SystemID = v1alpha1.RolePrimary, "7423"
			r.Switchover = &engine.SwitchoverReport{ID: "op", Message: "no"}
		})
	}
	surplus := func(w *town) { w.snapshot.Cluster.Spec.Members = 2 }
	tests := []struct {
		name                       string
		members                    int32
		changes                    []func(*town)
		handover, restart, deleted string
	}{
		{"a parameter", 3, []func(*town){pending}, "", "orders-db-2", ""},
		{"a switchover before a parameter", 3, []func(*town){pending, switchover}, "op", "", ""},
		{"a parameter when the switchover was refused", 3, []func(*town){pending, refused, switchover},
			"op", "orders-db-2", ""},
		{"a rolling change", 3, []func(*town){outdated}, "", "", "orders-db-2"},
		{"a switchover before a rolling change", 3, []func(*town){outdated, switchover}, "op", "", ""},
		{"a switchover before a restart in place", 1, []func(*town){outdated, inPlace, switchover}, "op", "", ""},
		{"nothing without the Lease", 3, []func(*town){outdated, surplus, func(w *town) { w.drop("Lease", "orders-db") }},
			"", "", ""},
		{"a member that does not serve", 3, []func(*town){outdated, func(w *town) { w.away("orders-db-1") }},
			"", "", "orders-db-1"},
		{"a single member that does not serve", 1, []func(*town){outdated, func(w *town) { w.away("orders-db-0") }},
			"", "", "orders-db-0"},
	}
	for _, tt := range tests {
		w := newTown(t, tt.members)
		for _, change := range tt.changes {
			change(w)
		}
		d := w.decide()
		handover, deleted := "", ""
		if d.Handover != nil {
			handover = d.Handover.ID
		}
		for _, x := range d.Deletes {
			if x.Kind == "Pod" {
				deleted = x.Seen.GetName()
			}
		}
		if handover != tt.handover || d.Restart != tt.restart || deleted != tt.deleted {
			t.Errorf("%s: handover %q, restart %q, deleted %q; want %q, %q, %q", tt.name,
				handover, d.Restart, deleted, tt.handover, tt.restart, tt.deleted)
		}
	}
}

func TestASurplusPrimaryWaitsUntilNobodyIsAway(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	w.lead = "orders-db-2"
	w.settle()
	w.edit(func(s *v1alpha1.DatabaseClusterSpec) { s.Members = 2 })
	if d := w.decide(); d.Handover == nil || d.Handover.Target != "orders-db-0" {
		t.Errorf("handover %+v, want to orders-db-0", d.Handover)
	}
	w.away("orders-db-1")
	if d := w.decide(); d.Handover != nil {
		t.Errorf("handover %+v while orders-db-1 is away", d.Handover)
	}
}

func TestASinglePrimaryThatOnlyTheLeaseKnowsComesBack(t *testing.T) {
	t.Parallel()
	w := newTown(t, 1)
	w.snapshot.Cluster.Status.Primary = "orders-db-3" // from before it handed over; status comes last
	w.drop("Pod", "orders-db-0")
	if d := w.decide(); !slices.Equal(d.Wanted, []string{"orders-db-0"}) {
		t.Errorf("wanted %v, want the member that holds the Lease", d.Wanted)
	}
}
