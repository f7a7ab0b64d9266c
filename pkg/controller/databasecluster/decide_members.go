// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantMembers asks for the volumes and pods of the wanted members, all at once: a replica waits by itself until there
// is a primary to copy from. Pods wait for the secrets that they mount, since a kubelet that misses one retries late.
func (d *Decision) wantMembers(s Snapshot) error {
	for _, m := range s.Members {
		if err := d.wantVolume(s, m); err != nil {
			return err
		}
	}
	for _, name := range d.Wanted {
		if m := s.Member(name); m.Volume == nil {
			d.Writes = append(d.Writes, Write{Wanted: d.volume(s, m, false)})
		}
	}
	if !d.mountsExist(s) || leaseMissing(s) {
		return nil
	}
	for _, name := range d.Wanted {
		if m := s.Member(name); m.Pod != nil || (!stopped(s) && mayBegin(s, name)) {
			d.wantPod(s, m)
		}
	}
	return nil
}

// mayBegin says whether a member's pod may be made: the Lease must list the member first, because only whom it lists
// does a primary ask to hold still while the API server does not answer (PROTOCOL I9). A Lease that lists nobody was
// never held: then all may begin at once, since none of them has data to campaign with but the one that is the first to
// write the Lease, and it lists all members of the plan with that write. Where the engine elects by itself a member
// must be there before it can be given a vote.
func mayBegin(s Snapshot, name string) bool {
	at := placeOf(s, name)
	if !s.leaseElected() || at.Component != "" {
		return true
	}
	listed := electorate(s, at.Shard)
	return listed == nil || slices.Contains(listed, name)
}

// leaseMissing says that nothing is known of who is primary and of who is listed, until the Lease is there again.
func leaseMissing(s Snapshot) bool { return s.leaseElected() && s.Lease() == nil }

// electorate are the members that may become primary of a shard: as the primary reports them or, while nobody is, as
// the Lease lists them, or as any member of an engine that elects by itself says; nil when nobody ever listed any. The
// report comes first because its change wakes the operator, and a change of the Lease that is no change of hands does
// not.
func electorate(s Snapshot, shard int) []string {
	if primary, ok := s.Primary(shard); ok && primary.Report.Electorate != nil {
		return primary.Report.Electorate
	}
	if !s.leaseElected() {
		return toldElectorate(s, shard)
	}
	lease := s.Lease()
	if lease == nil || lease.Annotations[v1alpha1.AnnotationFailsafeMembers] == "" {
		return nil
	}
	return strings.Split(lease.Annotations[v1alpha1.AnnotationFailsafeMembers], ",")
}

// toldElectorate are all that any member of a shard calls one who votes.
func toldElectorate(s Snapshot, shard int) []string {
	var all []string
	for _, m := range s.Members {
		if m.Component == "" && m.Shard == shard {
			all = append(all, m.Report.Electorate...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stopped says that no engine of the cluster shall run.
func stopped(s Snapshot) bool { return s.Cluster.Spec.PowerState == v1alpha1.PowerStopped }

// mountsExist says whether the secrets that a pod mounts are there.
func (d *Decision) mountsExist(s Snapshot) bool {
	for _, name := range []string{
		resource.PlanSecretName(s.Cluster.Name), resource.TLSSecretName(s.Cluster.Name),
	} {
		if secret := s.Secret(name); secret == nil || ownerOf(secret, s.Cluster) != ours {
			return false
		}
	}
	return true
}

// wantPod asks for a member's pod when there is none. A pod that is there is never changed, only replaced: one that has
// ended is deleted, and made anew when its name is free (PROTOCOL I11).
func (d *Decision) wantPod(s Snapshot, m Member) {
	wanted := d.pod(s, m.Name)
	switch {
	case m.Pod == nil:
		d.Writes = append(d.Writes, Write{Wanted: wanted})
	case ownerOf(m.Pod, s.Cluster) == foreign:
		d.Obstacles = append(d.Obstacles, Obstacle{Ref{"Pod", m.Name}, v1alpha1.ReasonNameConflict})
	case ownerOf(m.Pod, s.Cluster) == leaving:
		d.awaitDeletion(s, m.Pod)
	case m.Pod.Status.Phase == corev1.PodFailed || m.Pod.Status.Phase == corev1.PodSucceeded:
		d.Deletes = append(d.Deletes, Deletion{"Pod", m.Pod, "it has ended"})
	default:
		if c, since := unscheduled(s, m); c != nil && since < schedulingPatience {
			d.requeueAfter(schedulingPatience - since) // no event says that time has passed
		}
	}
}

// pod is a member's pod as a new one would be.
func (d *Decision) pod(s Snapshot, member string) *corev1ac.PodApplyConfiguration {
	in := resource.PodInput{
		Cluster: s.Cluster, Member: member, Build: d.Build, Image: d.Image, Agent: s.Agent,
		RunAsUser: s.Offer.Spec.RunAsUser, RunAsGroup: s.Offer.Spec.RunAsGroup, Traits: s.Engine.Traits(),
	}
	if placeOf(s, member).Component != "" {
		in.Image, in.Ensemble = d.EnsembleImage, s.topology().Ensemble
	}
	return resource.Pod(in)
}

// agentImage is the image from which a pod took its agent.
func agentImage(pod *corev1.Pod) string {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == resource.InstallContainer {
			return c.Image
		}
	}
	return ""
}

// nodeLostAfter is how long past the end of its grace period a pod may stay before its node is called lost. The kubelet
// needs a moment to report a pod that it has killed.
const nodeLostAfter = 30 * time.Second

// awaitDeletion looks at a pod that is going. Its name is free only when the pod object is gone: until then its engine
// may still run, on a node that does not answer.
func (d *Decision) awaitDeletion(s Snapshot, pod *corev1.Pod) {
	ref := Ref{"Pod", pod.Name}
	if pod.DeletionTimestamp == nil {
		d.Obstacles = append(d.Obstacles, Obstacle{ref, v1alpha1.ReasonWaitingForDeletion})
		return
	}
	late := s.Now.Sub(pod.DeletionTimestamp.Time) // the timestamp is when the grace period ends
	if late >= nodeLostAfter {
		d.Obstacles = append(d.Obstacles, Obstacle{ref, v1alpha1.ReasonNodeLost})
		return
	}
	d.requeueAfter(nodeLostAfter - late)
}

// requeueAfter asks for a pass no later than after the given time.
func (d *Decision) requeueAfter(after time.Duration) {
	if d.RequeueAfter == 0 || after < d.RequeueAfter {
		d.RequeueAfter = after
	}
}

// takeOneAway deletes at most one running pod, and none while another is going, so that a quorum never loses two at
// once.
func (d *Decision) takeOneAway(s Snapshot) {
	going := func(m Member) bool { return m.Pod != nil && m.Pod.DeletionTimestamp != nil }
	ended := func(x Deletion) bool { return x.Kind == "Pod" }
	if leaseMissing(s) || slices.ContainsFunc(s.Members, going) || slices.ContainsFunc(d.Deletes, ended) {
		return
	}
	for _, next := range []func(*Decision, Snapshot) (Member, string, bool){
		(*Decision).stopping, (*Decision).surplus, (*Decision).outdated,
	} {
		if m, why, ok := next(d, s); ok {
			d.Deletes = append(d.Deletes, Deletion{"Pod", m.Pod, why})
			return
		}
	}
}

// stopping is the member whose pod goes next when the cluster is to stop: primaries are the last, so that they have
// everything, and come back as primaries; and after them the ensemble without which they could not end what they do.
func (d *Decision) stopping(s Snapshot) (next Member, why string, ok bool) {
	if !stopped(s) {
		return Member{}, "", false
	}
	for _, m := range s.Members {
		if m.Pod != nil && ownerOf(m.Pod, s.Cluster) == ours && (!ok || needed(s, m) < needed(s, next)) {
			next, ok = m, true
		}
	}
	return next, "spec.powerState is Stopped", ok
}

// needed ranks a member by who needs it while a cluster stops: nobody, the replicas of its shard, everybody.
func needed(s Snapshot, m Member) int {
	primary, known := lastPrimary(s, m.Shard)
	switch {
	case m.Component != "" && s.leads(m):
		return 3
	case m.Component != "":
		return 2
	case known && primary == m.Place:
		return 1
	}
	return 0
}

// surplus is the member that goes next of those that are not wanted: the highest ordinal of the highest shard. A
// primary must have struck it from the electorate first, for while it is listed its vote may be the one that an
// election needs. Where there is no primary it may have what the others have yet to fetch, and they must be level. Its
// volume is kept.
func (d *Decision) surplus(s Snapshot) (next Member, why string, ok bool) {
	away := d.away(s)
	for _, m := range slices.Backward(s.Members) {
		held := slices.Contains(electorate(s, m.Shard), m.Name) || (s.leaderless() && away != "" && isMissed(s, m, away))
		if m.Pod != nil && !slices.Contains(d.Wanted, m.Name) && ownerOf(m.Pod, s.Cluster) == ours && !held {
			return m, "the spec no longer includes it", true
		}
	}
	return Member{}, "", false
}
