// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// votingEngine is a test double: an engine that elects by itself, among those on a list of its own.
type votingEngine struct{ plainEngine }

func (votingEngine) Traits() engine.Traits {
	t := plainEngine{}.Traits()
	t.URIMembers = true
	return t
}

func (votingEngine) Topology(*v1alpha1.DatabaseClusterSpec) engine.Topology {
	return engine.Topology{Leadership: engine.LeadershipElected}
}

func (votingEngine) NextMajor(build string) string {
	return map[string]string{"15": "16", "16": "17"}[majorOf(build)]
}

// poll is what an agent of such a cluster does. There is a primary only while a majority of those on the list runs, and
// a list that has lost its majority is lost for good.
func (a *agents) poll(member string, life *agentLife) bool {
	before, _ := engine.EncodeReport(life.report)
	voters := slices.Clone(a.voters)
	plan, r := a.w.plan(), &life.report
	r.PlanGeneration = plan.Generation
	if leader := memberOf(a.elected[0]); leader != "" && (!a.runs(leader) || !a.majority(a.voters) ||
		a.lives[leader].report.Incarnation != a.elected[0]) {
		a.elected[0] = ""
	}
	switch {
	case slices.Contains(plan.FencedMembers, member):
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleUnknown, false, false
	case len(a.voters) == 0 && plan.SystemID == "" && plan.Initialiser == member:
		a.voters, life.behind = []string{member}, 0
		a.promote(member, "", "")
	case a.elected[0] == r.Incarnation:
		a.preside(member, life, plan)
	case a.elected[0] == "" && slices.Contains(a.voters, member) && a.majority(a.voters) && a.data[member]:
		a.promote(member, "", "")
	default:
		a.copyFrom(member, life, plan)
	}
	if a.data[member] {
		r.Electorate = slices.Clone(a.voters)
	}
	a.say(life)
	after, _ := engine.EncodeReport(life.report)
	return before != after || !slices.Equal(voters, a.voters)
}

// runs says whether a member's server is there.
func (a *agents) runs(member string) bool {
	life := a.lives[member]
	pod, _ := a.w.snapshot.Objects[Ref{"Pod", member}].(*corev1.Pod)
	return life != nil && pod != nil && life.pod == pod && !slices.Contains(a.w.plan().FencedMembers, member)
}

// level says whether a member's server is there and has everything.
func (a *agents) level(member string) bool {
	return a.runs(member) && a.data[member] && a.lives[member].behind == 0
}

// majority says whether more than half of a list runs.
func (a *agents) majority(list []string) bool {
	n := 0
	for _, m := range list {
		if a.runs(m) {
			n++
		}
	}
	return n > len(list)/2
}

// preside is what a primary does: it changes the list by one member, restarts, or hands over.
func (a *agents) preside(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	r.Role, r.Ready, r.CaughtUp, r.SystemID = v1alpha1.RolePrimary, true, true, "7423"
	r.Durability = v1alpha1.EffectiveMajority
	s := plan.Switchover
	switch {
	case plan.RestartMember == member && len(r.PendingRestart) > 0:
		r.PendingRestart, r.Ready = nil, false
	case s != nil && s.From == member && (r.Switchover == nil || r.Switchover.ID != s.ID):
		if heir := a.electable(member, s.Target); heir == "" || a.stuck {
			r.Switchover = &engine.SwitchoverReport{ID: s.ID, Message: "nobody is level"}
		} else {
			a.yield(life, heir)
		}
	default:
		a.relist(member, plan)
	}
}

// relist takes one step towards a list of the plan's members.
func (a *agents) relist(primary string, plan engine.Plan) {
	for _, m := range plan.Members {
		if !slices.Contains(a.voters, m.Name) && a.level(m.Name) {
			a.voters = append(a.voters, m.Name)
			return
		}
	}
	for _, m := range a.voters {
		_, planned := plan.Member(m)
		rest := slices.DeleteFunc(slices.Clone(a.voters), func(other string) bool { return other == m })
		if !planned && m != primary && a.majority(rest) {
			a.voters = rest
			return
		}
	}
}

// electable is who could take over from a primary.
func (a *agents) electable(from, target string) string {
	for _, m := range a.voters {
		if m != from && a.level(m) && (target == "" || target == m) {
			return m
		}
	}
	return ""
}

// yield makes another member primary.
func (a *agents) yield(life *agentLife, heir string) {
	a.promote(heir, life.pod.Name, engine.FailoverSwitchover)
	a.lives[heir].report.Electorate = slices.Clone(a.voters)
	a.say(a.lives[heir])
	r := &life.report
	r.Role, r.Ready, r.Durability, r.Switchover = v1alpha1.RoleReplica, true, "", nil
}

// stepDown lets another be primary before this one's pod goes, if anybody can.
func (a *agents) stepDown(member string) {
	if memberOf(a.elected[0]) != member {
		return
	}
	if heir := a.electable(member, ""); heir != "" {
		a.yield(a.lives[member], heir)
	}
}

// copyFrom is what a replica does: it copies, and is level a turn later. Without a primary it goes on as it is.
func (a *agents) copyFrom(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	r.Durability, r.Promotion = "", nil
	switch led := a.elected[0] != ""; {
	case plan.RestartMember == member && len(r.PendingRestart) > 0:
		r.PendingRestart, r.Ready, r.CaughtUp, life.behind = nil, false, false, 1
	case life.behind > 0 && (led || a.data[member]):
		life.behind--
		a.data[member] = true
		r.Role, r.Ready, r.CaughtUp, r.SystemID = v1alpha1.RoleReplica, false, false, plan.SystemID
	case life.behind == 0:
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleReplica, led, led
	}
}

func newPoll(t *testing.T, members int32, seed uint64) *schedule {
	t.Helper()
	w := newWorld(t, members)
	w.snapshot.Engine = votingEngine{}
	s := scheduleOf(w, seed)
	s.calm = false // when one of two who vote goes, the other is primary no more
	return s
}

// mustVote: those vote whom the spec has, and nobody else.
func (s *schedule) mustVote() {
	s.t.Helper()
	slices.Sort(s.voters)
	if names := s.names(); !slices.Equal(s.voters, names) {
		s.fail("%v vote, and there are %v", s.voters, names)
	}
}

// TestAnyScheduleOfAVotingClusterEndsAsTheSpecSays: whatever is scaled, stopped or lost in between, the list of those
// who vote never loses its majority for good.
func TestAnyScheduleOfAVotingClusterEndsAsTheSpecSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(schedules / 3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newPoll(t, int32(1+seed%5), seed)
			s.live([][]func(*schedule){gentle, rough}[seed%2])
			s.mustBeRight()
			s.mustVote()
		})
	}
}

// TestVotesOutliveAStop: a cluster that was made smaller while nobody ran comes up, although most of its votes were
// with members that it is to lose.
func TestVotesOutliveAStop(t *testing.T) {
	t.Parallel()
	s := newPoll(t, 3, 0)
	s.mustVote()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerStopped })
	s.rest()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 1 })
	s.rest()
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.PowerState = v1alpha1.PowerRunning })
	s.rest()
	s.mustBeRight()
	s.mustVote()
}

// TestVotesThatAreLostComeBack: members that leave are lost before they were struck from the list, and without them
// there is no primary to strike them.
func TestVotesThatAreLostComeBack(t *testing.T) {
	t.Parallel()
	s := newPoll(t, 3, 0)
	s.killed = true
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 1 })
	s.operate(-1)
	for _, name := range s.names()[1:] {
		s.w.drop("Pod", name)
	}
	s.rest()
	s.mustBeRight()
	s.mustVote()
}

// failover gives the condition FailoverReady.
func (s *schedule) failover() string {
	c := meta.FindStatusCondition(s.w.snapshot.Cluster.Status.Conditions, v1alpha1.ConditionFailoverReady)
	return c.Reason
}

// degraded gives the reason of the condition Degraded.
func (s *schedule) degraded() string {
	return meta.FindStatusCondition(s.w.snapshot.Cluster.Status.Conditions, v1alpha1.ConditionDegraded).Reason
}

// TestVotesAreCounted: FailoverReady says that any one member may be lost, and NoQuorumMargin that none may.
func TestVotesAreCounted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		members            int32
		fence              []string
		failover, degraded string
	}{
		"one":             {1, nil, v1alpha1.ReasonSingleMember, v1alpha1.ReasonHealthy},
		"two":             {2, nil, v1alpha1.ReasonNoQuorumMargin, v1alpha1.ReasonNoQuorumMargin},
		"three":           {3, nil, v1alpha1.ReasonCandidateReady, v1alpha1.ReasonHealthy},
		"three, one lost": {3, []string{"orders-db-2"}, v1alpha1.ReasonNoQuorumMargin, v1alpha1.ReasonNoQuorumMargin},
		"five, one lost":  {5, []string{"orders-db-4"}, v1alpha1.ReasonCandidateReady, v1alpha1.ReasonHealthy},
	} {
		s := newPoll(t, tt.members, 0)
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.FencedMembers = tt.fence })
		s.rest()
		if s.failover() != tt.failover || s.degraded() != tt.degraded {
			t.Errorf("%s: %s, %s; want %s, %s", name, s.failover(), s.degraded(), tt.failover, tt.degraded)
		}
	}
}
