// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// reshard changes the number of shards.
func reshard(s *schedule) {
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Shards = new(int32(2 + s.rand.IntN(3))) })
}

func TestAnyScheduleWithShardsEndsAsTheSpecSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(schedules / 3) { // each has several times the members of one without shards
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newSchedule(t, int32(1+seed%3), new(int32(2+seed%2)), seed)
			s.live(append([]func(*schedule){reshard, reshard}, [][]func(*schedule){gentle, rough}[seed%2]...))
			s.mustBeRight()
			s.mustHaveAllData()
		})
	}
}

// mustHaveAllData: nothing is lost when shards come and go, and each ends up with its share.
func (s *schedule) mustHaveAllData() {
	s.t.Helper()
	total, shards := 0, resource.Shards(s.w.snapshot.Cluster)
	for shard, n := range s.slots {
		total += n
		if shard >= shards && n > 0 {
			s.fail("shard %d is gone and has data", shard)
		}
	}
	for shard := range shards {
		if n := s.slots[shard]; n < 16/shards || n > 16/shards+1 {
			s.fail("shard %d of %d has %d of 16 parts", shard, shards, n)
		}
	}
	if total != 16 {
		s.fail("%d of 16 parts are there: %v", total, s.slots)
	}
}

// pods tells what became of the pods since the last time.
func (s *schedule) pods() string {
	var story []string
	for _, line := range s.told {
		if words := strings.Fields(line); words[0] == "delete" {
			story = append(story, "-"+strings.TrimPrefix(strings.TrimSuffix(words[1], ":"), "orders-db-"))
		} else if words[0] == "make" && words[1] == "Pod" {
			story = append(story, "+"+strings.TrimPrefix(words[2], "orders-db-"))
		}
	}
	s.told = nil
	return strings.Join(story, " ")
}

func (s *schedule) mustTell(want string) {
	s.t.Helper()
	s.rest()
	s.mustBeRight()
	s.mustHaveAllData()
	if got := s.pods(); got != want {
		s.t.Errorf("what happened: %s\nwant:          %s", got, want)
	}
}

func TestShards(t *testing.T) {
	t.Parallel()
	s := newSchedule(t, 2, new(int32(3)), 0)
	s.mustTell("+0-0 +0-1 +1-0 +1-1 +2-0 +2-1")
	if lease := s.w.names("Lease"); len(lease) > 0 {
		t.Errorf("there is a Lease %v, and nobody to hold it", lease)
	}

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Shards = new(int32(4)) })
	s.mustTell("+3-0 +3-1")
	if got, want := s.w.names("PodDisruptionBudget"), 4; len(got) != want {
		t.Errorf("budgets %v, want one for each shard", got)
	}

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Scheduling.PriorityClassName = "high" })
	// Replicas first; the primary of a shard when its replicas are done, and has become a replica by then.
	s.mustTell("-3-1 +3-1 -3-0 +3-0 -2-1 +2-1 -2-0 +2-0 -1-1 +1-1 -1-0 +1-0 -0-1 +0-1 -0-0 +0-0")
	if got := s.primaries(); got != "0-1 1-1 2-1 3-1" {
		t.Errorf("primaries %s, want the replicas that took over", got)
	}

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 1 })
	s.mustTell("-0-1 -1-1 -2-1 -3-1")

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members, spec.Shards = 2, new(int32(2)) })
	s.rest()
	if got := s.w.names("PodDisruptionBudget"); !slices.Equal(got, []string{"orders-db-0", "orders-db-1"}) {
		t.Errorf("budgets %v are left", got)
	}
	if got := s.w.names("PersistentVolumeClaim"); len(got) != 8 {
		t.Errorf("volumes %v, want all of four shards kept", got)
	}

	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerStopped })
	s.told = nil
	s.rest()
	if got := s.pods(); !strings.HasSuffix(got, "-0-0 -1-0") && !strings.HasSuffix(got, "-0-1 -1-1") {
		t.Errorf("%s: primaries are not the last to stop", got)
	}
}

// primaries are those of all shards.
func (s *schedule) primaries() string {
	var names []string
	for _, m := range s.w.snapshot.Members {
		if s.w.snapshot.isPrimary(m) {
			names = append(names, strings.TrimPrefix(m.Name, "orders-db-"))
		}
	}
	return strings.Join(names, " ")
}

// TestAShardIsNotForgottenOverAStop: a shard that was to go when the cluster stopped still has data, and nobody reports
// it any more.
func TestAShardIsNotForgottenOverAStop(t *testing.T) {
	t.Parallel()
	s := newSchedule(t, 1, new(int32(3)), 0)
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerStopped })
	s.rest()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Shards = new(int32(2)) })
	s.rest()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerRunning })
	s.told = nil
	s.mustTell("+0-0 +1-0 +2-0 -2-0")
}

// TestAStaleReportDrainsNothing: a member of a shard that came back and goes again speaks of the first time.
func TestAStaleReportDrainsNothing(t *testing.T) {
	t.Parallel()
	s := newSchedule(t, 1, new(int32(3)), 0)
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Shards = new(int32(2)) })
	s.operate(-1)
	last := s.lives["orders-db-2-0"]
	encoded, _ := engine.EncodeReport(engine.MemberReport{
		Incarnation: last.report.Incarnation, Role: v1alpha1.RolePrimary, Drained: true,
		PlanGeneration: s.w.snapshot.Cluster.Generation - 1,
	})
	last.pod.Annotations[v1alpha1.AnnotationMember] = encoded
	s.w.snapshot.Members = membersOf(s.w.snapshot)
	for _, x := range s.w.decide().Deletes {
		if pod, ok := x.Seen.(*corev1.Pod); ok {
			t.Errorf("%s is deleted by a report of an older plan", pod.Name)
		}
	}
}

// TestTheHigherEpochIsPrimary: one that lost an election may not have noticed.
func TestTheHigherEpochIsPrimary(t *testing.T) {
	t.Parallel()
	s := newSchedule(t, 2, new(int32(2)), 0)
	for i, epoch := range []int64{7, 8} {
		life := s.lives[fmt.Sprintf("orders-db-1-%d", i)]
		life.report.Role, life.report.Epoch = v1alpha1.RolePrimary, epoch
		s.say(life)
	}
	if got := s.primaries(); got != "0-0 1-1" {
		t.Errorf("primaries %s, want the one of the higher epoch in shard 1", got)
	}
}

func TestStatusOfShards(t *testing.T) {
	t.Parallel()
	s := newSchedule(t, 2, new(int32(2)), 0)
	st := s.w.snapshot.Cluster.Status
	if st.Primary != "" || st.Selector != "" || st.Durability.Effective != v1alpha1.EffectiveBoundedLoss {
		t.Errorf("primary %q, selector %q, durability %s", st.Primary, st.Selector, st.Durability.Effective)
	}
	if last := st.MemberStatuses[3]; last.Name != "orders-db-1-1" || last.Shard == nil || *last.Shard != 1 {
		t.Errorf("the last member is %+v", last)
	}
	life := s.lives["orders-db-1-0"]
	life.report.Role, life.report.Ready = v1alpha1.RoleUnknown, false
	s.say(life)
	s.w.saveStatus()
	st = s.w.snapshot.Cluster.Status
	for condition, want := range map[string]string{
		v1alpha1.ConditionAvailable:     "shard 1: no member accepts writes",
		v1alpha1.ConditionFailoverReady: "shard 1: a primary is being elected",
	} {
		i := slices.IndexFunc(st.Conditions, func(c metav1.Condition) bool { return c.Type == condition })
		if c := st.Conditions[i]; c.Status != metav1.ConditionFalse || c.Message != want {
			t.Errorf("%s is %s: %q, want %q", condition, c.Status, c.Message, want)
		}
	}
	if st.Durability.Effective != v1alpha1.EffectiveNone {
		t.Errorf("durability %s with a shard that has no primary", st.Durability.Effective)
	}
}
