// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/fake"
	"github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
)

var began = metav1.NewTime(time.Unix(1000, 0))

func operation(t v1alpha1.OperationType, change ...func(*v1alpha1.DatabaseOperationSpec)) *v1alpha1.DatabaseOperation {
	op := &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{
			Name: "now", Namespace: "shop", UID: "op", Generation: 1, CreationTimestamp: began,
		},
		Spec: v1alpha1.DatabaseOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "orders"}, Type: t, TimeoutSeconds: 300,
			TTLSecondsAfterFinished: new(int32(60)),
		},
	}
	for _, x := range change {
		x(&op.Spec)
	}
	return op
}

// cluster is one with a primary orders-db-0 and two replicas that are level.
func cluster(op *v1alpha1.DatabaseOperation) Snapshot {
	s := Snapshot{Operation: op, Now: began, Members: map[string]Member{}, Cluster: &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: "shop", UID: "c"},
		Spec:       v1alpha1.DatabaseClusterSpec{Members: 3},
		Status:     v1alpha1.DatabaseClusterStatus{Primary: "orders-db-0"},
	}}
	for i, name := range []string{"orders-db-0", "orders-db-1", "orders-db-2"} {
		m := Member{Name: name, Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}}}
		m.Pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		m.Report = engine.MemberReport{Role: v1alpha1.RoleReplica, CaughtUp: true}
		if i == 0 {
			m.Report.Role = v1alpha1.RolePrimary
		}
		s.Members[name] = m
	}
	return s
}

func (s Snapshot) change(name string, f func(*Member)) {
	m := s.Members[name]
	m.Pod = m.Pod.DeepCopy()
	f(&m)
	s.Members[name] = m
}

func reason(d Decision, condition string) string {
	if c := meta.FindStatusCondition(d.Status.Conditions, condition); c != nil {
		return string(c.Status) + "/" + c.Reason
	}
	return ""
}

func target(name string) func(*v1alpha1.DatabaseOperationSpec) {
	return func(s *v1alpha1.DatabaseOperationSpec) { s.Switchover = &v1alpha1.SwitchoverOperation{Target: name} }
}

func member(name string) func(*v1alpha1.DatabaseOperationSpec) {
	return func(s *v1alpha1.DatabaseOperationSpec) {
		s.RebuildMember = &v1alpha1.RebuildMemberOperation{Member: name}
	}
}

func TestUnsafeOperationsAreRefused(t *testing.T) {
	t.Parallel()
	nobody := func(s *Snapshot) { s.Cluster.Status.Primary = "" }
	equals := func(s *Snapshot) {
		nobody(s)
		s.Topology.Leadership = engine.LeadershipNone
	}
	for name, test := range map[string]struct {
		op     *v1alpha1.DatabaseOperation
		change func(*Snapshot)
		want   string
	}{
		"safe":           {operation(v1alpha1.OperationSwitchover), nil, ""},
		"safe target":    {operation(v1alpha1.OperationSwitchover, target("orders-db-2")), nil, ""},
		"no such target": {operation(v1alpha1.OperationSwitchover, target("x")), nil, "False/Refused"},
		"no primary":     {operation(v1alpha1.OperationSwitchover), nobody, "False/Refused"},
		"stopped": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			s.Cluster.Spec.PowerState = v1alpha1.PowerStopped
		}, "False/Refused"},
		"paused": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			s.Cluster.Spec.Reconciliation = v1alpha1.ReconciliationPaused
		}, "False/Refused"},
		"no cluster": {operation(v1alpha1.OperationSwitchover), func(s *Snapshot) {
			s.Cluster = nil
		}, "False/ClusterMissing"},
		"rebuild primary":   {operation(v1alpha1.OperationRebuildMember, member("orders-db-0")), nil, "False/Refused"},
		"rebuild stranger":  {operation(v1alpha1.OperationRebuildMember, member("x")), nil, "False/Refused"},
		"rebuild a replica": {operation(v1alpha1.OperationRebuildMember, member("orders-db-1")), nil, ""},
		"needless loss":     {operation(v1alpha1.OperationPromoteAcceptingDataLoss), nil, "False/Refused"},
		"accepted loss":     {operation(v1alpha1.OperationPromoteAcceptingDataLoss), nobody, ""},
		"a target that is behind is the primary's to judge": {
			operation(v1alpha1.OperationSwitchover, target("orders-db-2")), func(s *Snapshot) {
				s.change("orders-db-2", func(m *Member) { m.Report.CaughtUp = false })
			}, "",
		},
		"no primary to switch":  {operation(v1alpha1.OperationSwitchover), equals, "False/Unsupported"},
		"no primary to promote": {operation(v1alpha1.OperationPromoteAcceptingDataLoss), equals, "False/Unsupported"},
		"equals fetch anew":     {operation(v1alpha1.OperationRebuildMember, member("orders-db-1")), equals, ""},
		"nobody to fetch from": {
			operation(v1alpha1.OperationRebuildMember, member("orders-db-1")), func(s *Snapshot) {
				equals(s)
				for _, name := range []string{"orders-db-0", "orders-db-2"} {
					s.change(name, func(m *Member) { m.Report.CaughtUp = false })
				}
			}, "False/Refused",
		},
		"nobody to fetch the shard from": {
			operation(v1alpha1.OperationRebuildMember, member("orders-db-1-0")), func(s *Snapshot) {
				equals(s)
				s.Cluster.Spec.Shards = new(int32(2))
				s.Members = map[string]Member{"orders-db-0-0": s.Members["orders-db-0"], "orders-db-1-0": s.Members["orders-db-1"]}
				for name, m := range s.Members {
					m.Name = name
					s.Members[name] = m
				}
			}, "False/Refused",
		},
		"a keeper has no data": {
			operation(v1alpha1.OperationRebuildMember, member("orders-db-keeper-0")), func(s *Snapshot) {
				equals(s)
				s.Members["orders-db-keeper-0"] = s.Members["orders-db-1"]
			}, "False/Refused",
		},
		"equals restart like all": {operation(v1alpha1.OperationRestart), equals, ""},
		"target fenced": {operation(v1alpha1.OperationSwitchover, target("orders-db-2")), func(s *Snapshot) {
			s.Cluster.Spec.FencedMembers = []string{"orders-db-2"}
		}, "False/Refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := cluster(test.op)
			if test.change != nil {
				test.change(&s)
			}
			d := Decide(s)
			if test.want == "" {
				if d.Status.StartTime == nil || d.Status.CompletionTime != nil || !d.Own {
					t.Errorf("decided %+v, want it begun", d)
				}
				return
			}
			if got := reason(d, v1alpha1.ConditionAccepted); got != test.want || d.Status.CompletionTime == nil {
				t.Errorf("accepted = %s, want %s; %+v", got, test.want, d)
			}
		})
	}
}

func TestOperationsEnd(t *testing.T) {
	t.Parallel()
	later := metav1.NewTime(began.Add(10 * time.Second))
	for name, test := range map[string]struct {
		op     *v1alpha1.DatabaseOperation
		change func(*Snapshot)
		want   string
	}{
		"switched over": {operation(v1alpha1.OperationSwitchover), func(s *Snapshot) {
			s.Operation.Status.Primary = "orders-db-1"
		}, "Complete"},
		"switched over and not ready": {operation(v1alpha1.OperationSwitchover), func(s *Snapshot) {
			s.Operation.Status.Primary = "orders-db-1"
			s.change("orders-db-0", func(m *Member) { m.Pod.Status.Conditions = nil })
		}, ""},
		"not yet": {operation(v1alpha1.OperationSwitchover), func(*Snapshot) {}, ""},
		"target is primary": {operation(v1alpha1.OperationSwitchover, target("orders-db-0")), func(*Snapshot) {},
			"Complete"},
		"refused by the primary": {operation(v1alpha1.OperationSwitchover), func(s *Snapshot) {
			s.change("orders-db-0", func(m *Member) { m.Report.Switchover = &engine.SwitchoverReport{ID: "op", Message: "no"} })
		}, "Refused"},
		"too late": {operation(v1alpha1.OperationSwitchover), func(s *Snapshot) {
			s.Now = metav1.NewTime(began.Add(5 * time.Minute))
		}, "TimedOut"},
		"cluster deleted": {operation(v1alpha1.OperationRestart), func(s *Snapshot) { s.Cluster = nil }, "ClusterMissing"},
		"restarted": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			for name := range s.Members {
				s.change(name, func(m *Member) { m.Pod.CreationTimestamp = later })
			}
		}, "Complete"},
		"one is being made": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			for name := range s.Members {
				s.change(name, func(m *Member) { m.Pod.CreationTimestamp = later })
			}
			delete(s.Members, "orders-db-2")
		}, ""},
		"the ensemble is left": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			for name := range s.Members {
				s.change(name, func(m *Member) { m.Pod.CreationTimestamp = later })
			}
			s.Topology.Ensemble = &engine.Ensemble{Component: "keeper", Needed: true, Members: 3}
		}, ""},
		"one is left": {operation(v1alpha1.OperationRestart), func(s *Snapshot) {
			s.change("orders-db-1", func(m *Member) { m.Pod.CreationTimestamp = later })
		}, ""},
		"rebuilt": {operation(v1alpha1.OperationRebuildMember, member("orders-db-1")), func(s *Snapshot) {
			s.change("orders-db-1", func(m *Member) { m.Report.Rebuilt = "op" })
		}, "Complete"},
		"promoted": {operation(v1alpha1.OperationPromoteAcceptingDataLoss), func(*Snapshot) {}, "Complete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.op.Status.StartTime = &began
			s := cluster(test.op)
			s.Now = later
			test.change(&s)
			d := Decide(s)
			if test.want == "" {
				if d.Status.CompletionTime != nil || d.RequeueAfter <= 0 {
					t.Errorf("decided %+v, want it to wait for its deadline", d)
				}
				return
			}
			if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionComplete); c == nil ||
				c.Reason != test.want || (c.Status == metav1.ConditionTrue) != (test.want == "Complete") {
				t.Errorf("complete = %+v, want %s", c, test.want)
			}
		})
	}
}

func TestAnOperationThatHasEndedIsDeletedInTime(t *testing.T) {
	t.Parallel()
	op := operation(v1alpha1.OperationSwitchover)
	op.Status.CompletionTime = &began
	s := cluster(op)
	s.Now = metav1.NewTime(began.Add(20 * time.Second))
	if d := Decide(s); d.Delete || d.RequeueAfter != 40*time.Second {
		t.Errorf("20 s after its end: %+v, want to wait 40 s more", d)
	}
	s.Now = metav1.NewTime(began.Add(time.Minute))
	if d := Decide(s); !d.Delete {
		t.Error("a minute after its end it must be deleted")
	}
	op.Spec.TTLSecondsAfterFinished = nil
	if d := Decide(s); d.Delete || d.RequeueAfter != 0 {
		t.Errorf("without a time to live: %+v, want it kept", d)
	}
}

// stage is a controller with its caches, on fake clients.
func stage(t *testing.T, ops ...*v1alpha1.DatabaseOperation) (*Controller, *fake.Clientset, cache.Store) {
	t.Helper()
	_, ctx := ktesting.NewTestContext(t)
	s := cluster(nil)
	client, kube := fake.NewClientset(s.Cluster), kubefake.NewClientset()
	for _, op := range ops {
		if err := client.Tracker().Add(op); err != nil {
			t.Fatal(err)
		}
	}
	factory := externalversions.NewSharedInformerFactory(client, 0)
	kubeFactory := informers.NewSharedInformerFactory(kube, 0)
	c, err := New(Options{
		Client: client, Informers: factory, KubeInformers: kubeFactory, Clock: func() time.Time { return began.Time },
		Recorder: events.NewFakeRecorder(10),
	})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	kubeFactory.Start(ctx.Done())
	if !cache.WaitFor(ctx, "", c.synced...) {
		t.Fatal("caches did not fill")
	}
	return c, client, factory.AtlasDB().V1alpha1().DatabaseOperations().Informer().GetStore()
}

func TestTheOldestOperationComesFirst(t *testing.T) {
	t.Parallel()
	older, newer := operation(v1alpha1.OperationRestart), operation(v1alpha1.OperationRestart)
	older.Name, older.UID, older.CreationTimestamp = "older", "1", began
	newer.Name, newer.UID, newer.CreationTimestamp = "a-newer", "2", metav1.NewTime(began.Add(time.Second))
	c, _, _ := stage(t, older, newer)
	for op, want := range map[*v1alpha1.DatabaseOperation]string{older: "", newer: "older"} {
		if got, err := c.before(op); err != nil || got != want {
			t.Errorf("before %s comes %q (%v), want %q", op.Name, got, err, want)
		}
	}
}

func TestAnOperationBelongsToItsClusterBeforeItBegins(t *testing.T) {
	t.Parallel()
	op := operation(v1alpha1.OperationPromoteAcceptingDataLoss)
	c, client, _ := stage(t, op)
	_, ctx := ktesting.NewTestContext(t)
	if _, err := c.sync(ctx, cache.MetaObjectToName(op)); err != nil {
		t.Fatal(err)
	}
	got, err := client.AtlasDBV1alpha1().DatabaseOperations("shop").Get(ctx, "now", metav1.GetOptions{})
	if err != nil || !metav1.IsControlledBy(got, cluster(nil).Cluster) || got.Status.StartTime != nil {
		t.Errorf("%+v (%v), want it owned and not begun", got, err)
	}
}

func TestBeginAndEndAreTold(t *testing.T) {
	t.Parallel()
	op := operation(v1alpha1.OperationSwitchover, target("orders-db-1"))
	s := cluster(op)
	d := Decide(s)
	if n, told := transition(op.Status, d.Status); !told || n.reason != "OperationBegan" {
		t.Errorf("the begin is told as %+v", n)
	}
	op.Status = d.Status
	if n, told := transition(op.Status, Decide(s).Status); told {
		t.Errorf("while it is under way %+v is told", n)
	}
	s.Now = metav1.NewTime(began.Add(time.Hour))
	if n, told := transition(op.Status, Decide(s).Status); !told || n.reason != "OperationTimedOut" {
		t.Errorf("the end is told as %+v", n)
	}
}

func TestAnOperationGoesFromBeginToEndWithOneWriteEach(t *testing.T) {
	t.Parallel()
	op := operation(v1alpha1.OperationPromoteAcceptingDataLoss, func(s *v1alpha1.DatabaseOperationSpec) {
		s.TimeoutSeconds = 10
	})
	c, client, store := stage(t, op)
	_, ctx := ktesting.NewTestContext(t)
	now := began.Time
	c.clock = func() time.Time { return now }
	pass := func() (writes int) {
		client.ClearActions()
		if _, err := c.sync(ctx, cache.MetaObjectToName(op)); err != nil {
			t.Fatal(err)
		}
		for _, a := range client.Actions() {
			if a.GetVerb() != "get" {
				writes++
			}
		}
		seen, err := client.AtlasDBV1alpha1().DatabaseOperations("shop").Get(ctx, "now", metav1.GetOptions{})
		if err == nil {
			err = store.Update(seen)
		}
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return writes
	}
	for i, want := range []int{1, 1, 0, 0} { // it is owned, it begins, and then nothing changes
		if got := pass(); got != want {
			t.Errorf("pass %d writes %d times, want %d", i, got, want)
		}
	}
	now = now.Add(10 * time.Second)
	for i, want := range []int{1, 0} { // it has timed out
		if got := pass(); got != want {
			t.Errorf("pass %d after its time writes %d times, want %d", i, got, want)
		}
	}
	now = now.Add(time.Minute)
	if got := pass(); got != 1 {
		t.Errorf("%d writes after the time to live, want its deletion", got)
	}
}

// sharded is a cluster of two shards of two members, the first of each of which is primary.
func sharded(op *v1alpha1.DatabaseOperation) Snapshot {
	s := cluster(op)
	s.Cluster.Spec.Members, s.Cluster.Spec.Shards, s.Cluster.Status.Primary = 2, new(int32(2)), ""
	primary, replica := s.Members["orders-db-0"], s.Members["orders-db-1"]
	s.Members = map[string]Member{}
	for _, shard := range []string{"orders-db-0", "orders-db-1"} {
		primary.Name, replica.Name = shard+"-0", shard+"-1"
		s.Members[primary.Name], s.Members[replica.Name] = primary, replica
	}
	return s
}

func TestOperationsOnShards(t *testing.T) {
	t.Parallel()
	rebuild := func(s *v1alpha1.DatabaseOperationSpec) {
		s.RebuildMember = &v1alpha1.RebuildMemberOperation{Member: "orders-db-1-1"}
	}
	for name, tt := range map[string]struct {
		operation *v1alpha1.DatabaseOperation
		accepted  string
		primary   string
	}{
		"a switchover within a shard": {
			operation(v1alpha1.OperationSwitchover, target("orders-db-1-1")), "True/Accepted", "orders-db-1-0"},
		"a switchover of nobody in particular": {operation(v1alpha1.OperationSwitchover), "False/Refused", ""},
		"a new copy for a replica":             {operation(v1alpha1.OperationRebuildMember, rebuild), "False/Refused", ""},
		"a promotion": {
			operation(v1alpha1.OperationPromoteAcceptingDataLoss), "False/Refused", ""},
	} {
		d := Decide(sharded(tt.operation))
		if got := reason(d, v1alpha1.ConditionAccepted); got != tt.accepted || d.Status.Primary != tt.primary {
			t.Errorf("%s: accepted is %s with primary %q, want %s, %q", name, got, d.Status.Primary, tt.accepted, tt.primary)
		}
	}
}
