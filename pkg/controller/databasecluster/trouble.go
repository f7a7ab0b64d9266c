// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// trouble is one thing that is wrong, in words for status.
type trouble struct {
	reason  string
	message string
}

// troubles are all things that are wrong, the gravest first: what the API server refused, what is in the way, and then
// the members in the order of their ordinals.
func troubles(s Snapshot, d Decision, o Outcome) []trouble {
	var all []trouble
	for _, f := range o.Failures {
		all = append(all, trouble{f.Reason, f.Message})
	}
	for _, b := range d.Obstacles {
		switch b.Reason {
		case v1alpha1.ReasonNameConflict:
			all = append(all, trouble{b.Reason, fmt.Sprintf(
				"%s %q belongs to somebody else; rename or delete it", b.Ref.Kind, b.Ref.Name)})
		case v1alpha1.ReasonNodeLost:
			all = append(all, nodeLost(s, b.Ref.Name))
		}
	}
	all = append(all, d.Troubles...)
	for _, m := range s.Members {
		if t, ok := troubleOf(s, m); ok {
			t.message = fmt.Sprintf("member %s: %s", m.Name, t.message)
			all = append(all, t)
		}
	}
	if t, ok := strangers(s); ok {
		all = append(all, t)
	}
	for _, edge := range []func(Snapshot, Decision) (trouble, bool){noMargin, noWriterMargin, noEnsembleMargin} {
		if t, ok := edge(s, d); ok {
			all = append(all, t)
			break
		}
	}
	return all
}

// noMargin tells that the loss of one more member would stop writes. While a pod that is there has yet to say something
// nobody knows: every cluster begins so.
func noMargin(s Snapshot, d Decision) (trouble, bool) {
	for _, primary := range d.primaries(s) {
		waits := waitsForReplicas(primary) || len(s.votes(primary)) > 1
		if waits && s.Cluster.Spec.Members > 1 && d.atTheEdge(s, primary) {
			return trouble{v1alpha1.ReasonNoQuorumMargin, ofShard(s, primary.Shard,
				"the loss of one more member would stop writes")}, true
		}
	}
	return trouble{}, false
}

// atTheEdge says that a primary has just as many level replicas as its writes wait for. Of an engine whose members vote
// those count that have a vote: without a majority of them there is no primary.
func (d *Decision) atTheEdge(s Snapshot, primary Member) bool {
	level := 0 // by what the members say: the kubelet's probe comes a moment later, and status would flicker
	votes, all := s.votes(primary), int(s.Cluster.Spec.Members)
	if votes != nil {
		all = len(votes)
	}
	for _, name := range d.wantedIn(s, primary.Shard) {
		m := s.Member(name)
		if m.Pod != nil && m.Report.Incarnation == "" {
			return false
		}
		if m.Report.Role == v1alpha1.RoleReplica && m.Report.CaughtUp && (votes == nil || slices.Contains(votes, name)) {
			level++
		}
	}
	return level <= all/2
}

// waitsForReplicas says whether a primary refuses or delays writes when too few replicas are level.
func waitsForReplicas(primary Member) bool {
	d := primary.Report.Durability
	return d == v1alpha1.EffectiveMajority || d == v1alpha1.EffectiveBoundedLoss
}

// nodeLost says what only a human can decide: that a node is off, and not merely silent.
func nodeLost(s Snapshot, pod string) trouble {
	return trouble{v1alpha1.ReasonNodeLost, fmt.Sprintf(
		"pod %s does not end on node %s, which does not answer; if that node is switched off for certain, run: "+
			"kubectl delete pod -n %s %s --force", pod, s.Member(pod).Pod.Spec.NodeName, s.Cluster.Namespace, pod)}
}

// troubleOf tells what keeps a member from its work. Words of the kubelet that change from second to second (back-off
// times) are left out: each would be a status write.
func troubleOf(s Snapshot, m Member) (trouble, bool) {
	if m.Pod == nil || m.Pod.DeletionTimestamp != nil {
		return trouble{}, false
	}
	if t, ok := schedulingTrouble(s, m); ok {
		return t, true
	}
	for _, c := range slices.Concat(m.Pod.Status.InitContainerStatuses, m.Pod.Status.ContainerStatuses) {
		if t, ok := containerTrouble(s, m.Pod, c); ok {
			return t, true
		}
	}
	if p := m.Report.Problem; p != nil {
		return trouble{p.Reason, p.Message}, true
	}
	return resizeTrouble(m)
}

// schedulingPatience is how long a pod may be without a node before status tells: a volume that is bound on first use
// makes every pod unschedulable for a moment.
const schedulingPatience = 5 * time.Second

// unscheduled gives the condition that says that a pod has no node, and for how long; nil when it has one.
func unscheduled(s Snapshot, m Member) (c *corev1.PodCondition, since time.Duration) {
	if m.Pod == nil {
		return nil, 0
	}
	i := slices.IndexFunc(m.Pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse
	})
	if i < 0 {
		return nil, 0
	}
	c = &m.Pod.Status.Conditions[i]
	return c, s.Now.Sub(c.LastTransitionTime.Time)
}

// schedulingTrouble tells why a pod has no node.
func schedulingTrouble(s Snapshot, m Member) (trouble, bool) {
	if c, since := unscheduled(s, m); c != nil && since >= schedulingPatience {
		// The scheduler has no cause for it but its words. A claim that is bound on first use is pending whatever the cause.
		if m.Volume != nil && m.Volume.Status.Phase == corev1.ClaimPending &&
			strings.Contains(strings.ToLower(c.Message), "volume") {
			return trouble{v1alpha1.ReasonVolumePending, fmt.Sprintf(
				"volume claim %s is not bound: %s", m.Volume.Name, c.Message)}, true
		}
		return trouble{v1alpha1.ReasonUnschedulable, c.Message}, true
	}
	return trouble{}, false
}

// crashMemory is for how long a container that ended again and again is told of while it is not ready: it runs for a
// moment between two ends, and status must not flicker with it.
const crashMemory = 10 * time.Minute

// crashes says that a container ends again and again.
func crashes(s Snapshot, c corev1.ContainerStatus) bool {
	last := c.LastTerminationState.Terminated
	return c.RestartCount > 1 && !c.Ready && last != nil && last.ExitCode != 0 &&
		s.Now.Sub(last.FinishedAt.Time) < crashMemory
}

// containerTrouble tells why a container does not start.
func containerTrouble(s Snapshot, pod *corev1.Pod, c corev1.ContainerStatus) (trouble, bool) {
	if crashes(s, c) {
		return trouble{v1alpha1.ReasonMemberFailed, fmt.Sprintf("container %s ends again and again, last with exit code %d",
			c.Name, c.LastTerminationState.Terminated.ExitCode)}, true
	}
	if c.State.Waiting == nil {
		return trouble{}, false
	}
	switch c.State.Waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		return trouble{v1alpha1.ReasonImagePullFailed, fmt.Sprintf(
			"image %q of container %s cannot be pulled", imageOf(pod, c.Name), c.Name)}, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return trouble{v1alpha1.ReasonMemberFailed, fmt.Sprintf(
			"container %s cannot be made: %s", c.Name, c.State.Waiting.Reason)}, true
	case "CrashLoopBackOff":
		return trouble{v1alpha1.ReasonMemberFailed, fmt.Sprintf("container %s ends again and again", c.Name)}, true
	}
	return trouble{}, false
}

// imageOf is the image as the pod names it; the kubelet's status has it in another spelling.
func imageOf(pod *corev1.Pod, container string) string {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

// isReady says whether the kubelet calls a member's pod ready.
func isReady(m Member) bool {
	if m.Pod == nil || m.Pod.DeletionTimestamp != nil {
		return false
	}
	return slices.ContainsFunc(m.Pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// notReady are the wanted members that are not ready, for messages.
func notReady(s Snapshot, wanted []string) string {
	var names []string
	for _, name := range wanted {
		if !isReady(s.Member(name)) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
