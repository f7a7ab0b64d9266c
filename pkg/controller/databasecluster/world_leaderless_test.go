// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// equalsEngine is a test double: an engine whose members all accept writes, and agree by an ensemble as soon as there
// is more than one of them.
type equalsEngine struct{ plainEngine }

func (equalsEngine) Topology(spec *v1alpha1.DatabaseClusterSpec) engine.Topology {
	of := spec.ClickHouse
	if of == nil {
		of = &v1alpha1.ClickHouseSpec{}
	}
	e := engine.Ensemble{
		Component: "keeper", Needed: spec.Members > 1 || spec.Shards != nil, Members: max(3, int(of.Keeper.Members)),
		Storage: k8sresource.MustParse("5Gi"), Ports: []int32{9281},
	}
	if size := of.Keeper.Storage.Size; size != nil {
		e.Storage = *size
	}
	return engine.Topology{
		Leadership: engine.LeadershipNone, Ensemble: &e,
		AbandonShards: of.ShardRemoval == v1alpha1.ShardRemovalAcceptDataLoss,
	}
}

// amongEquals makes the engine of a world one without a primary.
func (w *world) amongEquals(shards *int32) *world {
	w.snapshot.Engine, w.snapshot.Cluster.Spec.Shards = equalsEngine{}, shards
	for i := range w.snapshot.Offer.Spec.Versions {
		w.snapshot.Offer.Spec.Versions[i].EnsembleImage = "keeper:" + w.snapshot.Offer.Spec.Versions[i].Name
	}
	return w
}

// equal is what an agent of such a cluster does: it waits to hear whose data it is, and then serves or keeps consensus.
// What is asked of a server that runs comes first.
func (a *agents) equal(member string, life *agentLife) bool {
	before, _ := engine.EncodeReport(life.report)
	slots, leader := maps.Clone(a.slots), a.chair
	plan, r := a.w.plan(), &life.report
	r.PlanGeneration, r.Problem = plan.Generation, nil
	switch {
	case slices.Contains(plan.FencedMembers, member):
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleUnknown, false, false
	case plan.SystemID == "" && (plan.Initialiser == member || a.data[member]):
		a.data[member], r.SystemID = true, "7423"
		a.slots[0] = 16
	case plan.SystemID == "":
	case plan.RestartMember == member && len(r.PendingRestart) > 0:
		r.PendingRestart, r.Ready, r.CaughtUp, life.behind = nil, false, false, 1
	case placeOf(a.w.snapshot, member).Component != "":
		a.keep(member, life, plan)
	default:
		a.serve(member, life, plan)
	}
	a.say(life)
	after, _ := engine.EncodeReport(life.report)
	return before != after || leader != a.chair || !maps.Equal(slots, a.slots)
}

// keep is what a member of the ensemble does: it votes, and is a leader or a follower while enough of them do.
func (a *agents) keep(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	a.data[member], r.SystemID = true, plan.SystemID
	if chair := a.lives[a.chair]; chair == nil || chair.behind > 0 || !a.votes(a.chair, plan) {
		a.chair = ""
	}
	switch {
	case life.behind > 0:
		life.behind--
		fallthrough
	case !a.quorum(plan):
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleUnknown, false, false
		return
	case a.chair == "":
		a.chair = member
		a.epoch++
		r.Epoch = a.epoch
	}
	r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleReplica, true, true
	if a.chair == member {
		r.Role = v1alpha1.RolePrimary
	}
}

// serve is what a member does: it fetches what it lacks and is level a turn later. Without a quorum it goes on for
// reads, and one that begins cannot.
func (a *agents) serve(member string, life *agentLife, plan engine.Plan) {
	r := &life.report
	agree := len(plan.Ensemble()) == 0 || a.quorum(plan)
	if !agree {
		r.Problem = &engine.Problem{Reason: v1alpha1.ReasonWaitingForQuorum, Message: "the ensemble has no quorum"}
	}
	a.data[member], r.SystemID = true, plan.SystemID
	if last := life.seen.Shards - 1; plan.Leaving(last) && a.slots[last] == 0 {
		a.write(member, last, plan)
	}
	life.seen = plan
	switch {
	case life.behind > 0 && !agree:
	case life.behind > 0:
		life.behind--
		r.Role, r.Ready, r.CaughtUp = v1alpha1.RoleReplica, false, false
	default:
		r.Role, r.Ready, r.CaughtUp, r.Durability = v1alpha1.RoleReplica, true, true, v1alpha1.EffectiveMajority
	}
}

// write puts a row into a shard that is to go, as a member does that has not heard of it yet.
func (a *agents) write(member string, shard int, plan engine.Plan) {
	if len(plan.InShard(shard)) == 0 && !plan.AbandonShards {
		a.w.t.Fatalf("%s writes to shard %d, which was given up", member, shard)
	}
	a.slots[shard]++
}

// quorum says whether enough of the ensemble are there to agree.
func (a *agents) quorum(plan engine.Plan) bool {
	all := plan.Ensemble()
	there := 0
	for _, m := range all {
		if a.votes(m.Name, plan) {
			there++
		}
	}
	return there > len(all)/2
}

// votes says whether a member of the ensemble runs.
func (a *agents) votes(member string, plan engine.Plan) bool {
	life := a.lives[member]
	pod, _ := a.w.snapshot.Objects[Ref{"Pod", member}].(*corev1.Pod)
	return life != nil && life.behind == 0 && life.pod == pod && !slices.Contains(plan.FencedMembers, member)
}
