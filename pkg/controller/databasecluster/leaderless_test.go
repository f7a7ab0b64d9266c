// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// mayGoAmongEquals: without a primary, one that serves goes only while all others are ready and level; the ensemble
// goes before the members that need it, its leader last, and when a cluster stops after them.
func (s *schedule) mayGoAmongEquals(d Decision, name string) {
	s.t.Helper()
	snapshot := s.w.snapshot
	m := snapshot.Member(name)
	if !snapshot.leaderless() {
		return
	}
	if stopped(snapshot) {
		for _, other := range snapshot.Members {
			if m.Component != "" && other.Component == "" && other.Pod != nil {
				s.fail("%s stops before %s, which needs it", name, other.Name)
			}
		}
		return
	}
	if !isReady(m) {
		return
	}
	if level := s.level(); len(level) < len(d.Wanted) {
		s.fail("%s is deleted, and of %v only %v are ready and level", name, d.Wanted, level)
	}
	for _, o := range d.Outdated {
		other := snapshot.Member(o.Name)
		before := m.Component == "" || (snapshot.leads(m) && other.Name != name)
		if slices.Contains(d.Wanted, name) && other.Component != "" && before {
			s.fail("%s is deleted before %s", name, other.Name)
		}
	}
}

// level are the wanted members that are ready and level.
func (s *schedule) level() []string {
	return slices.DeleteFunc(slices.Clone(s.w.decide().Wanted), func(name string) bool {
		m := s.w.snapshot.Member(name)
		return !isReady(m) || !m.Report.CaughtUp
	})
}

// amongEquals are what may happen to a cluster without a primary, beside all else.
var amongEquals = []func(*schedule){
	func(s *schedule) {
		if names := s.names(); len(names) > 0 {
			name := names[s.rand.IntN(len(names))]
			if life := s.lives[name]; life != nil && life.report.Ready {
				s.tell("%s lacks something", name)
				life.behind = 3
				s.calm = false
			}
		}
	},
	func(s *schedule) {
		shard := s.rand.IntN(resource.Shards(s.w.snapshot.Cluster))
		s.tell("rows come and go in shard %d", shard)
		s.slots[shard] = s.rand.IntN(3)
	},
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
			spec.ClickHouse = &v1alpha1.ClickHouseSpec{ShardRemoval: []v1alpha1.ShardRemoval{
				v1alpha1.ShardRemovalRefuse, v1alpha1.ShardRemovalAcceptDataLoss,
			}[s.rand.IntN(2)]}
		})
	},
	func(s *schedule) {
		name := resource.MemberName(s.w.snapshot.Cluster, resource.Place{Component: "keeper", Ordinal: s.rand.IntN(3)})
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.FencedMembers = []string{name} })
	},
}

func TestAnyScheduleAmongEqualsEndsAsTheSpecSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(schedules / 2) { // each has the members of an ensemble too
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			var shards *int32
			whims := slices.Concat(amongEquals, [][]func(*schedule){gentle, rough}[seed%2])
			if seed%3 > 0 {
				shards = new(int32(seed % 3))
				whims = append(whims, reshard, reshard)
			}
			s := scheduleOf(newWorld(t, int32(1+seed%4)).amongEquals(shards), seed)
			for range 6 {
				whims[s.rand.IntN(len(whims))](s)
				s.wander(s.rand.IntN(80))
			}
			s.tell("-- the end: running, nobody fenced, no rows where none should be")
			s.broken, s.w.snapshot.Operation = nil, nil
			s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
				spec.PowerState, spec.FencedMembers = v1alpha1.PowerRunning, nil
			})
			s.rest()
			maps.DeleteFunc(s.slots, func(shard, _ int) bool { return shard >= resource.Shards(s.w.snapshot.Cluster) })
			s.rest()
			s.mustBeRight()
			s.mustHaveNoPrimary()
		})
	}
}

// mustHaveNoPrimary: nothing of an election is left where there is none.
func (s *schedule) mustHaveNoPrimary() {
	s.t.Helper()
	st := s.w.snapshot.Cluster.Status
	if st.Primary != "" || st.LastFailover != nil || len(s.w.names("Lease")) > 0 {
		s.fail("primary %q, failover %v, Leases %v", st.Primary, st.LastFailover, s.w.names("Lease"))
	}
	for _, rule := range s.w.snapshot.Objects[Ref{"Role", "orders-db"}].(*rbacv1.Role).Rules {
		if slices.Contains(rule.Resources, "leases") {
			s.fail("a member may %v Leases", rule.Verbs)
		}
	}
}

// mustDo lets a cluster come to rest, and says what became of the pods.
func (s *schedule) mustDo(want string) {
	s.t.Helper()
	s.rest()
	if got := s.pods(); got != want {
		s.t.Errorf("what happened: %s\nwant:          %s", got, want)
	}
}

func TestEquals(t *testing.T) {
	t.Parallel()
	s := scheduleOf(newWorld(t, 1).amongEquals(nil), 0)
	s.mustDo("+0")

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 3 })
	s.mustDo("+1 +2 +keeper-0 +keeper-1 +keeper-2") // they may begin together: who waits for whom is the agents' part
	for _, m := range s.w.plan().Ensemble() {
		if m.Component != "keeper" || m.Host != m.Name+".orders-db.shop.svc" {
			t.Errorf("the plan has %+v in the ensemble", m)
		}
	}
	if got := s.w.snapshot.Member("orders-db-keeper-1").Pod.Spec.Containers[0].Image; got != "keeper:17.6" {
		t.Errorf("the ensemble runs %s", got)
	}

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Scheduling.PriorityClassName = "high" })
	s.chair = "orders-db-keeper-1"
	s.mustDo("-keeper-2 +keeper-2 -keeper-0 +keeper-0 -keeper-1 +keeper-1 -2 +2 -1 +1 -0 +0")

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 1 })
	s.mustDo("-2 -1") // the ensemble stays: member 0 goes on to look there

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerStopped })
	s.chair = "orders-db-keeper-0"
	s.mustDo("-0 -keeper-1 -keeper-2 -keeper-0")

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
		spec.PowerState, spec.Members = v1alpha1.PowerRunning, 2
	})
	s.mustDo("+0 +1 +keeper-0 +keeper-1 +keeper-2")
	s.mustBeRight()

	s.w.snapshot.Operation = &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{UID: types.UID("op"), CreationTimestamp: s.w.snapshot.Now},
		Spec:       v1alpha1.DatabaseOperationSpec{Type: v1alpha1.OperationRestart},
	}
	s.w.snapshot.Now = metav1.NewTime(s.w.snapshot.Now.Add(1e9))
	s.mustDo("-keeper-2 +keeper-2 -keeper-1 +keeper-1 -keeper-0 +keeper-0 -1 +1 -0 +0")
	s.mustHaveNoPrimary()
}

// TestNobodyGoesWhileAnotherLacksSomething: without a primary nobody has everything, and what is ready may not be
// level.
func TestNobodyGoesWhileAnotherLacksSomething(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*v1alpha1.DatabaseClusterSpec){
		"a rolling change": func(spec *v1alpha1.DatabaseClusterSpec) { spec.Scheduling.PriorityClassName = "high" },
		"scale-in":         func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 2 },
	} {
		s := scheduleOf(newWorld(t, 3).amongEquals(nil), 0)
		s.report("orders-db-0", func(r *engine.MemberReport) { r.CaughtUp = false })
		s.edit(change)
		s.operate(-1)
		if d := s.w.decide(); len(d.Deletes) > 0 {
			t.Errorf("%s: %s goes while orders-db-0 is behind", name, d.Deletes[0].Seen.GetName())
		}
		s.w.saveStatus()
		const want = "first these must be ready and level: orders-db-0"
		if c := s.condition(v1alpha1.ConditionProgressing); !strings.Contains(c.Message, want) {
			t.Errorf("%s: Progressing says %q, want that it waits for orders-db-0", name, c.Message)
		}
	}
}

// TestAVoteThatAProbeMissedCounts: on a busy node the kubelet calls one not ready that keeps the quorum.
func TestAVoteThatAProbeMissedCounts(t *testing.T) {
	t.Parallel()
	s := scheduleOf(newWorld(t, 2).amongEquals(nil), 0)
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Scheduling.PriorityClassName = "high" })
	s.operate(-1)
	s.turn("orders-db-keeper-2")
	s.operate(-1) // made anew, and not up yet
	late := s.w.snapshot.Member("orders-db-keeper-1")
	late.Pod.Status.Conditions[0].Status = corev1.ConditionFalse
	if d := s.w.decide(); len(d.Deletes) > 0 {
		t.Errorf("%s goes while orders-db-keeper-2 is away", d.Deletes[0].Seen.GetName())
	}
	for range 3 {
		s.turn("orders-db-keeper-2") // begins, votes and is level
	}
	if d := s.w.decide(); len(d.Deletes) != 1 || d.Deletes[0].Seen.GetName() != "orders-db-keeper-1" {
		t.Errorf("decided on %v, want the only one that is away", d.Deletes)
	}
}

func (s *schedule) report(member string, change func(*engine.MemberReport)) {
	change(&s.lives[member].report)
	s.say(s.lives[member])
}

func (s *schedule) condition(t string) metav1.Condition {
	if c := meta.FindStatusCondition(s.w.snapshot.Cluster.Status.Conditions, t); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func TestConditionsAmongEquals(t *testing.T) {
	t.Parallel()
	unready := func(names ...string) func(*schedule) {
		return func(s *schedule) {
			for _, name := range names {
				s.report(name, func(r *engine.MemberReport) { r.Ready, r.CaughtUp = false, false })
			}
		}
	}
	for name, tt := range map[string]struct {
		change          func(*schedule)
		condition, want string
	}{
		"all is well":         {func(*schedule) {}, v1alpha1.ConditionAvailable, "True/MembersServing"},
		"any may be lost":     {func(*schedule) {}, v1alpha1.ConditionFailoverReady, "True/CandidateReady"},
		"one schema":          {func(*schedule) {}, v1alpha1.ConditionSchemaInSync, "True/SchemaInSync"},
		"one left in a shard": {unready("orders-db-1-0"), v1alpha1.ConditionAvailable, "True/MembersServing"},
		"and none to spare":   {unready("orders-db-1-0"), v1alpha1.ConditionFailoverReady, "False/NoCandidate"},
		"a shard without any": {
			unready("orders-db-1-0", "orders-db-1-1"), v1alpha1.ConditionAvailable, "False/MembersNotReady",
		},
		"a keeper is away":      {unready("orders-db-keeper-0"), v1alpha1.ConditionFailoverReady, "False/NoQuorumMargin"},
		"which is a worry":      {unready("orders-db-keeper-0"), v1alpha1.ConditionDegraded, "True/NoQuorumMargin"},
		"and keeps it unready":  {unready("orders-db-keeper-0"), v1alpha1.ConditionReady, "False/NoQuorumMargin"},
		"but stops nothing":     {unready("orders-db-keeper-0"), v1alpha1.ConditionAvailable, "True/MembersServing"},
		"a member to be missed": {unready("orders-db-0-1"), v1alpha1.ConditionDegraded, "True/NoQuorumMargin"},
		"writes are refused": {func(s *schedule) {
			s.report("orders-db-0-1", func(r *engine.MemberReport) {
				r.Problem = &engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum, Message: "reads go on"}
			})
		}, v1alpha1.ConditionAvailable, "False/WaitingForQuorum"},
		"a table is missing": {func(s *schedule) {
			s.report("orders-db-0-1", func(r *engine.MemberReport) { r.SchemaBehind = "app.events is missing" })
		}, v1alpha1.ConditionSchemaInSync, "False/SchemaBehind"},
		"a member has not told": {func(s *schedule) {
			s.report("orders-db-0-1", func(r *engine.MemberReport) { r.Role = v1alpha1.RoleUnknown })
		}, v1alpha1.ConditionSchemaInSync, "Unknown/Unknown"},
	} {
		s := scheduleOf(newWorld(t, 2).amongEquals(new(int32(2))), 0)
		tt.change(s)
		s.w.saveStatus()
		c := s.condition(tt.condition)
		if got := string(c.Status) + "/" + c.Reason; got != tt.want {
			t.Errorf("%s: %s is %s (%s), want %s", name, tt.condition, got, c.Message, tt.want)
		}
	}
}

func TestStatusAmongEquals(t *testing.T) {
	t.Parallel()
	s := scheduleOf(newWorld(t, 2).amongEquals(new(int32(2))), 0)
	st := s.w.snapshot.Cluster.Status
	if st.Members != 4 || st.ReadyMembers != 4 || len(st.MemberStatuses) != 7 {
		t.Errorf("%d of %d members ready, %d told of", st.ReadyMembers, st.Members, len(st.MemberStatuses))
	}
	last := st.MemberStatuses[6]
	if last.Name != "orders-db-keeper-2" || last.Component != "keeper" || last.Shard != nil {
		t.Errorf("the last is %+v, want one of the ensemble", last)
	}
	if st.Durability.Effective != v1alpha1.EffectiveMajority {
		t.Errorf("durability %s, want what all members report", st.Durability.Effective)
	}
	s.report("orders-db-0-0", func(r *engine.MemberReport) { r.Durability = v1alpha1.EffectiveNone })
	s.w.saveStatus()
	if got := s.w.snapshot.Cluster.Status.Durability.Effective; got != v1alpha1.EffectiveNone {
		t.Errorf("durability %s, and one member promises nothing", got)
	}
	single := scheduleOf(newWorld(t, 1).amongEquals(nil), 0)
	if c := single.condition(v1alpha1.ConditionSchemaInSync); c.Type != "" {
		t.Errorf("a single member has %s %s", c.Type, c.Status)
	}
}

// TestWhoseDataIsKept: without a vote the members that have data must agree before anybody begins.
func TestWhoseDataIsKept(t *testing.T) {
	t.Parallel()
	told := func(id string) func(*engine.MemberReport) {
		return func(r *engine.MemberReport) { r.Role, r.SystemID = v1alpha1.RoleUnknown, id }
	}
	for name, tt := range map[string]struct {
		first, second func(*engine.MemberReport)
		systemID      string
		problem       string
	}{
		"both agree":           {told("7423"), told("7423"), "7423", "False/Healthy"},
		"one is silent":        {told("7423"), nil, "", "False/Healthy"},
		"one is empty":         {told("7423"), told(""), "7423", "False/Healthy"},
		"both are empty":       {told(""), told(""), "", "False/Healthy"},
		"they are of two":      {told("7423"), told("1"), "", "True/ForeignData"},
		"the first is foreign": {nil, told("1"), "", "False/Healthy"},
	} {
		w := newWorld(t, 2).amongEquals(nil)
		w.put("PersistentVolumeClaim", retained("orders-db-0"))
		w.put("PersistentVolumeClaim", retained("orders-db-1"))
		w.put("PersistentVolumeClaim", retained("orders-db-keeper-0"))
		w.converge()
		for member, say := range map[string]func(*engine.MemberReport){"orders-db-0": tt.first, "orders-db-1": tt.second} {
			if say != nil {
				w.report(member, say)
			}
		}
		w.converge()
		if p := w.plan(); p.SystemID != tt.systemID || p.Initialiser != "" {
			t.Errorf("%s: system ID %q, initialiser %q; want %q and none", name, p.SystemID, p.Initialiser, tt.systemID)
		}
		w.saveStatus()
		c := meta.FindStatusCondition(w.snapshot.Cluster.Status.Conditions, v1alpha1.ConditionDegraded)
		if got := string(c.Status) + "/" + c.Reason; got != tt.problem {
			t.Errorf("%s: Degraded is %s (%s), want %s", name, got, c.Message, tt.problem)
		}
	}
}

// TestAKeptEnsembleIsWanted: data that was replicated goes on to look for its ensemble, in a cluster of one member too.
func TestAKeptEnsembleIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1).amongEquals(nil)
	w.put("PersistentVolumeClaim", retained("orders-db-keeper-1"))
	w.converge()
	want := []string{"orders-db-0", "orders-db-keeper-0", "orders-db-keeper-1", "orders-db-keeper-2"}
	if got := w.names("Pod"); !slices.Equal(got, want) {
		t.Errorf("pods %v, want %v", got, want)
	}
	if got := w.names("PodDisruptionBudget"); !slices.Equal(got, []string{"orders-db-keeper"}) {
		t.Errorf("budgets %v, want that of the ensemble", got)
	}
}

// TestAShardIsGivenUpWhenAllKnowOfIt: where every member accepts writes, any that has not heard of the edit may still
// write to a shard that has nothing left.
func TestAShardIsGivenUpWhenAllKnowOfIt(t *testing.T) {
	t.Parallel()
	s := scheduleOf(newWorld(t, 1).amongEquals(new(int32(3))), 0)
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Shards = new(int32(2)) })
	s.operate(-1)
	s.turn("orders-db-2-0")
	leaving := func() bool { return len(s.w.plan().InShard(2)) > 0 }
	if s.slots[2] = 0; !s.lives["orders-db-2-0"].report.Drained && !leaving() {
		t.Fatal("the shard was given up before anything was said")
	}
	s.report("orders-db-2-0", func(*engine.MemberReport) {})
	if s.operate(-1); !s.lives["orders-db-2-0"].report.Drained || !leaving() {
		t.Error("the shard was given up, and two members have not heard that it is to go")
	}
	s.rest()
	s.slots[2] = 0 // what they wrote until then
	if s.rest(); leaving() || s.w.snapshot.Member("orders-db-2-0").Pod != nil {
		t.Error("the shard is still there, and all know that it is to go")
	}
}

func TestTheEnsemblesVolumesGrow(t *testing.T) {
	t.Parallel()
	s := scheduleOf(newWorld(t, 2).amongEquals(nil), 0)
	for _, m := range s.w.snapshot.Members {
		m.Volume.Status.Phase = corev1.ClaimBound
	}
	s.pods()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
		spec.ClickHouse = &v1alpha1.ClickHouseSpec{}
		spec.ClickHouse.Keeper.Storage.Size = new(k8sresource.MustParse("8Gi"))
	})
	s.mustDo("")
	for _, m := range s.w.snapshot.Members {
		size := m.Volume.Spec.Resources.Requests[corev1.ResourceStorage]
		if want := map[bool]string{false: "1Gi", true: "8Gi"}[m.Component != ""]; size.String() != want {
			t.Errorf("the volume of %s has %s, want %s", m.Name, size.String(), want)
		}
	}
}
