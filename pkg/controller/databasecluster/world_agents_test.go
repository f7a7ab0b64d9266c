// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// agents is a test double of all agents and kubelets of a cluster. It knows only what the operator wrote, and answers
// as members do: it elects, lists members in the Lease, hands over, restarts, copies. With shards there is no Lease,
// and the data is spread over their primaries.
type agents struct {
	w *world
	// lives are the agents that run, by member.
	lives map[string]*agentLife
	// broken says whether a pod can never come up; nil for never.
	broken func(*corev1.Pod) bool
	// stuck says that no primary hands over; skew is how far the agents' clocks are from the API server's.
	stuck bool
	skew  time.Duration
	// data are the members whose volume has data, epoch is the Lease's.
	data  map[string]bool
	epoch int64
	born  int
	// elected are the primaries' incarnations where there is no Lease, slots how much of the data is where, by shard.
	elected map[int]string
	slots   map[int]int
	// chair is the leader of the ensemble.
	chair string
	// voters are the members that vote, where the engine has a list of them.
	voters []string
}

// agentLife is one life of one agent.
type agentLife struct {
	pod    *corev1.Pod
	report engine.MemberReport
	// behind is how many turns a replica needs until it is level.
	behind int
	// seen is the plan by which a primary moves data: it reads the newer one late.
	seen engine.Plan
}

func (w *world) withAgents() *agents {
	return &agents{
		w: w, lives: map[string]*agentLife{}, data: map[string]bool{}, elected: map[int]string{}, slots: map[int]int{},
	}
}

// turn lets one member go one step, and says whether anything changed.
func (a *agents) turn(member string) bool {
	pod, _ := a.w.snapshot.Objects[Ref{"Pod", member}].(*corev1.Pod)
	if pod == nil || leaseMissing(a.w.snapshot) {
		return false
	}
	if pod.DeletionTimestamp != nil {
		a.end(member)
		return true
	}
	if a.broken != nil && a.broken(pod) {
		return false
	}
	life := a.lives[member]
	if life == nil || life.pod != pod {
		a.born++
		a.lives[member] = &agentLife{pod: pod, behind: 1, report: engine.MemberReport{
			Incarnation: fmt.Sprintf("%s/%d/n", member, a.born), Role: v1alpha1.RoleUnknown,
		}}
		return true
	}
	switch a.w.snapshot.Engine.(type) {
	case equalsEngine:
		return a.equal(member, life)
	case votingEngine:
		return a.poll(member, life)
	}
	return a.act(member, life)
}

// act is what an agent does when its pod runs.
func (a *agents) act(member string, life *agentLife) bool {
	before, _ := engine.EncodeReport(life.report)
	slots := maps.Clone(a.slots)
	plan, holder := a.w.plan(), a.holder(a.shard(member))
	life.report.PlanGeneration = plan.Generation
	// Members that elect by themselves go on until their pods go: who led last is not written down anywhere else.
	idle := (plan.PowerState == v1alpha1.PowerStopped && !a.native()) || slices.Contains(plan.FencedMembers, member)
	switch {
	case idle && holder != life.report.Incarnation:
		life.report.Role, life.report.Ready, life.report.CaughtUp = v1alpha1.RoleUnknown, false, false
	case idle:
		life.report.Role, life.report.Ready = v1alpha1.RoleUnknown, false
		if heir := a.heir(member, ""); plan.PowerState == v1alpha1.PowerRunning && heir != "" {
			a.promote(heir, member, engine.FailoverSwitchover)
		}
	case holder == life.report.Incarnation:
		a.lead(member, life, plan)
	case a.mayLead(member, holder, plan):
		from := memberOf(holder)
		a.promote(member, from, engine.FailoverReleased)
	default:
		a.follow(member, life, plan)
	}
	a.say(life)
	after, _ := engine.EncodeReport(life.report)
	return before != after || !maps.Equal(slots, a.slots)
}

// lead is what a primary does.
func (a *agents) lead(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	r.Role, r.Ready, r.CaughtUp, r.SystemID, r.Epoch = v1alpha1.RolePrimary, true, true, "7423", a.epoch
	if a.native() {
		a.move(member, life, plan)
	} else {
		a.list(r, plan)
	}
	if plan.RestartMember == member && len(r.PendingRestart) > 0 {
		r.PendingRestart, r.RestartInPlace, r.Ready = nil, false, false
		return
	}
	s := plan.Switchover
	if s == nil || s.From != member || (r.Switchover != nil && r.Switchover.ID == s.ID) {
		return
	}
	heir := a.heir(member, s.Target)
	if heir == "" || a.stuck {
		r.Switchover = &engine.SwitchoverReport{ID: s.ID, Message: "no replica confirmed in time"}
		return
	}
	a.promote(heir, member, engine.FailoverSwitchover)
	*r = engine.MemberReport{Incarnation: r.Incarnation, Role: v1alpha1.RoleUnknown, PlanGeneration: r.PlanGeneration}
	life.behind = 1
}

// list writes the members into the Lease.
func (a *agents) list(r *engine.MemberReport, plan engine.Plan) {
	r.Electorate = nil
	for _, m := range plan.Members {
		r.Electorate = append(r.Electorate, m.Name)
	}
	a.lease().Annotations = map[string]string{
		v1alpha1.AnnotationFailsafeMembers: strings.Join(r.Electorate, ","),
	}
	q := plan.Quorum()
	r.Durability, r.Quorum = v1alpha1.EffectiveMajority, &q
}

// move gives a part of a shard's data to the one that has least, if it has more than its share. It goes by the plan
// that was read a turn ago, as an agent does that has not heard of an edit yet.
func (a *agents) move(member string, life *agentLife, plan engine.Plan) {
	shard, seen := a.shard(member), life.seen
	life.seen = plan
	life.report.Durability = v1alpha1.EffectiveBoundedLoss
	least := -1
	for other := range seen.Shards {
		if a.elected[other] != "" && (least < 0 || a.slots[other] < a.slots[least]) {
			least = other
		}
	}
	if least >= 0 && least != shard && a.slots[shard] > 0 && (seen.Leaving(shard) || a.slots[shard] > a.slots[least]+1) {
		a.slots[shard]--
		a.slots[least]++
	}
}

// follow is what a replica does: it copies, and is level a turn later.
func (a *agents) follow(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	r.Electorate, r.Promotion, r.Durability, r.Quorum = nil, nil, "", nil
	primary := a.lives[memberOf(a.holder(a.shard(member)))]
	serves := primary != nil && primary.report.Role == v1alpha1.RolePrimary
	switch {
	case !serves:
		r.CaughtUp = false
	case plan.Rebuild != nil && plan.Rebuild.Member == member && r.Rebuilt != plan.Rebuild.ID:
		r.Rebuilt, r.Ready, r.CaughtUp, life.behind = plan.Rebuild.ID, false, false, 1
	case plan.RestartMember == member && len(r.PendingRestart) > 0:
		r.PendingRestart, r.Ready, r.CaughtUp, life.behind = nil, false, false, 1
	case life.behind > 0:
		life.behind--
		r.Role, r.Ready, r.CaughtUp, r.SystemID = v1alpha1.RoleReplica, false, false, "7423"
		a.data[member] = true
	default:
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleReplica, true, true
	}
}

// mayLead says whether a member takes the Lease: to make the first data, to go on where it was, or since the primary's
// pod is gone and it is the first that has data and is listed.
func (a *agents) mayLead(member, holder string, plan engine.Plan) bool {
	from := memberOf(holder)
	switch {
	case holder == "" && a.native() && plan.SystemID != "":
		return a.heirless(member, plan)
	case holder == "":
		return plan.Initialiser == member
	case from == member:
		return a.data[member]
	case a.w.snapshot.Objects[Ref{"Pod", from}] != nil:
		return false
	}
	return a.heir(from, "") == member
}

// heir is the member that could take over from a primary.
func (a *agents) heir(from, target string) string {
	var listed []string
	if !a.native() {
		listed = strings.Split(a.lease().Annotations[v1alpha1.AnnotationFailsafeMembers], ",")
	}
	for _, m := range a.w.plan().Members {
		if m.Shard != a.shard(from) {
			continue
		}
		life := a.lives[m.Name]
		if m.Name != from && (target == "" || target == m.Name) && a.data[m.Name] &&
			(listed == nil || slices.Contains(listed, m.Name)) &&
			life != nil && life.pod.DeletionTimestamp == nil && life.report.Role == v1alpha1.RoleReplica && life.behind == 0 &&
			!slices.Contains(a.w.plan().FencedMembers, m.Name) {
			return m.Name
		}
	}
	return ""
}

// promote makes a member the holder of the Lease.
func (a *agents) promote(member, from, reason string) {
	life := a.lives[member]
	a.epoch++
	a.data[member] = true
	r := &life.report
	r.Role, r.Ready, r.CaughtUp, r.SystemID, r.Epoch = v1alpha1.RolePrimary, true, true, "7423", a.epoch
	r.Electorate, r.Durability, r.PendingRestart = nil, v1alpha1.EffectiveNone, nil
	if r.Promotion = nil; from != "" && from != member {
		r.Promotion = &engine.PromotionReport{
			Epoch: a.epoch, From: from, Reason: reason, UnavailableMilliseconds: 700,
			Time: metav1.NewTime(a.w.snapshot.Now.Add(a.skew)),
		}
	}
	if a.native() {
		a.elected[a.shard(member)] = r.Incarnation
	} else {
		a.lease().Spec.HolderIdentity = &r.Incarnation
	}
	if a.native() && a.w.plan().Initialiser == member {
		a.slots[0] = 16 // all that there ever is
	}
	a.say(life)
}

// heirless says that a member is the first of a shard that never had data.
func (a *agents) heirless(member string, plan engine.Plan) bool {
	i := slices.IndexFunc(plan.Members, func(m engine.PlanMember) bool { return m.Shard == a.shard(member) })
	return i >= 0 && plan.Members[i].Name == member
}

// native says that there is no Lease.
func (a *agents) native() bool { return !a.w.snapshot.leaseElected() }

func (a *agents) shard(member string) int { return placeOf(a.w.snapshot, member).Shard }

// end lets a pod that is being deleted go; its primary hands over before, if it can and should.
func (a *agents) end(member string) {
	if _, polls := a.w.snapshot.Engine.(votingEngine); polls {
		a.stepDown(member)
	} else if memberOf(a.holder(a.shard(member))) == member && a.w.plan().PowerState == v1alpha1.PowerRunning {
		if heir := a.heir(member, ""); heir != "" {
			a.promote(heir, member, engine.FailoverReleased)
		}
	}
	delete(a.lives, member)
	a.w.drop("Pod", member)
}

// say writes the report, and the kubelet what it makes of it.
func (a *agents) say(life *agentLife) {
	shard, plan := a.shard(life.pod.Name), a.w.plan()
	life.report.Drained = a.native() && plan.Leaving(shard) && (a.slots[shard] == 0 || plan.AbandonShards)
	encoded, err := engine.EncodeReport(life.report)
	if err != nil {
		a.w.t.Fatal(err)
	}
	if life.pod.Annotations == nil {
		life.pod.Annotations = map[string]string{}
	}
	life.pod.Annotations[v1alpha1.AnnotationMember] = encoded
	ready := corev1.ConditionFalse
	if life.report.Ready {
		ready = corev1.ConditionTrue
	}
	life.pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
	a.w.snapshot.Members = membersOf(a.w.snapshot)
}

// lease is nil when there is none.
func (a *agents) lease() *coordinationv1.Lease { return a.w.snapshot.Lease() }

// holder is the incarnation of a shard's primary, or of its last.
func (a *agents) holder(shard int) string {
	if a.native() {
		return a.elected[shard]
	}
	return holder(a.lease())
}

func memberOf(incarnation string) string {
	member, _, _ := strings.Cut(incarnation, "/")
	return member
}
