// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// verb is one type of operation: when it is refused, and when it is done. Both give a message for people.
type verb struct {
	refuse func(Snapshot) (message string, unsafe bool)
	done   func(Snapshot) (message string, done bool)
}

var verbs = map[v1alpha1.OperationType]verb{
	v1alpha1.OperationSwitchover:               {refuseSwitchover, switchedOver},
	v1alpha1.OperationRestart:                  {refuseRestart, restarted},
	v1alpha1.OperationRebuildMember:            {refuseRebuild, rebuilt},
	v1alpha1.OperationPromoteAcceptingDataLoss: {refusePromotion, promoted},
}

// idle says why nothing could be carried out at all.
func (s Snapshot) idle() (string, bool) {
	spec := &s.Cluster.Spec
	if spec.Reconciliation == v1alpha1.ReconciliationPaused {
		return "spec.reconciliation of the cluster is Paused", true
	}
	return "the cluster is stopped (spec.powerState)", spec.PowerState == v1alpha1.PowerStopped
}

// unsupported says what there is no such thing as in an engine without a primary.
func (s Snapshot) unsupported() (string, bool) {
	if s.Topology.Leadership != engine.LeadershipNone {
		return "", false
	}
	switch s.Operation.Spec.Type {
	case v1alpha1.OperationSwitchover:
		return "every member accepts writes: there is no primary that could hand over", true
	case v1alpha1.OperationPromoteAcceptingDataLoss:
		return "every member accepts writes: there is no primary that could be chosen", true
	case v1alpha1.OperationRebuildMember, v1alpha1.OperationRestart:
	}
	return "", false
}

// refuseSwitchover: a switchover to where the primary is already is done at once, and needs no refusal. Whether a
// replica is level is the primary's to judge: it gives one that is about to be some seconds, and refuses with a reason.
func refuseSwitchover(s Snapshot) (string, bool) {
	primary, ok := s.primary()
	target := s.Operation.SwitchoverTarget()
	m := s.Members[target]
	switch {
	case target == "" && s.sharded():
		return "spec.switchover.target: each shard has a primary; name the member that shall be one", true
	case len(s.Members) < 2:
		return "there is no other member to switch over to", true
	case !ok:
		return "there is no primary that could hand over; the members elect one by themselves", true
	case target == "" || target == primary.Name:
		return "", false
	case m.Pod == nil:
		return fmt.Sprintf("spec.switchover.target: there is no member %q; there are %s", target, s.names()), true
	case slices.Contains(s.Cluster.Spec.FencedMembers, target):
		return fmt.Sprintf("spec.switchover.target: %s is one of spec.fencedMembers of the cluster", target), true
	}
	return "", false
}

func switchedOver(s Snapshot) (string, bool) {
	primary, ok := s.primary()
	return primary.Name + " is primary", ok && ready(primary.Pod) && s.Operation.Switched(primary.Name)
}

func refuseRestart(s Snapshot) (string, bool) {
	if s.Operation.Spec.Restart != nil {
		for _, name := range s.Operation.Spec.Restart.Members {
			if _, exists := s.Members[name]; !exists {
				return fmt.Sprintf("spec.restart.members: there is no member %q; there are %s", name, s.names()), true
			}
		}
	}
	return "", false
}

// restarted: every member that was named has a pod that is younger than the operation, and is ready. While a member has
// no pod at all, it is being made.
func restarted(s Snapshot) (string, bool) {
	for name, m := range s.Members {
		if s.Operation.Restarts(name) && !(s.Operation.Restarted(m.Pod) && ready(m.Pod)) {
			return "", false
		}
	}
	all := int(s.Cluster.Spec.Members) * resource.Shards(s.Cluster)
	if e := s.Topology.Ensemble; e != nil && e.Needed {
		all += e.Members
	}
	return "the members have restarted", len(s.Members) >= all
}

func refuseRebuild(s Snapshot) (string, bool) {
	if s.Topology.Leadership == engine.LeadershipNone {
		return s.refuseFetchingAnew(s.Operation.Spec.RebuildMember.Member)
	}
	name := s.Operation.Spec.RebuildMember.Member
	primary, ok := s.primary()
	_, exists := s.Members[name]
	switch {
	case s.sharded():
		return "a member of a shard cannot be rebuilt by an operation yet", true
	case !exists:
		return fmt.Sprintf("spec.rebuildMember.member: there is no member %q; there are %s", name, s.names()), true
	case !ok:
		return "there is no primary to copy from", true
	case primary.Name == name:
		return fmt.Sprintf("spec.rebuildMember.member: %s is the primary; switch over first", name), true
	}
	return "", false
}

// refuseFetchingAnew: where there is no primary a member gets its data anew from the others of its shard, as far as
// those are level.
func (s Snapshot) refuseFetchingAnew(name string) (string, bool) {
	_, exists := s.Members[name]
	at, _ := resource.PlaceOf(s.Cluster, name)
	switch {
	case !exists:
		return fmt.Sprintf("spec.rebuildMember.member: there is no member %q; there are %s", name, s.names()), true
	case at.Component != "":
		return fmt.Sprintf("spec.rebuildMember.member: %s has no data of the database", name), true
	}
	for _, m := range s.Members {
		of, _ := resource.PlaceOf(s.Cluster, m.Name)
		if m.Name != name && of.Component == "" && of.Shard == at.Shard && m.Report.CaughtUp && ready(m.Pod) {
			return "", false
		}
	}
	return "no other member with the same data is ready and level", true
}

func rebuilt(s Snapshot) (string, bool) {
	m := s.Members[s.Operation.Spec.RebuildMember.Member]
	return m.Name + " has a new copy of the data",
		m.Pod != nil && m.Report.Rebuilt == string(s.Operation.UID) && m.Report.CaughtUp && ready(m.Pod)
}

// refusePromotion: while there is a primary nothing has to be given up. Shards elect by themselves, and take nobody's
// word for it.
func refusePromotion(s Snapshot) (string, bool) {
	if s.sharded() {
		return "the members of a shard elect their primary by themselves, and no operation can do it for them", true
	}
	primary, ok := s.primary()
	return primary.Name + " is primary; nothing is lost that would have to be accepted", ok
}

func promoted(s Snapshot) (string, bool) {
	primary, ok := s.primary()
	return primary.Name + " is primary", ok && ready(primary.Pod)
}

func ready(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// names are the members, for messages.
func (s Snapshot) names() string {
	var names []string
	for name := range s.Members {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
