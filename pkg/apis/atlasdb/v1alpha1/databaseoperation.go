// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// InForce says that an operation has begun and not ended: the members are asked to carry it out.
func (o *DatabaseOperation) InForce() bool {
	return o.Status.StartTime != nil && o.Status.CompletionTime == nil && o.DeletionTimestamp == nil
}

// OlderThan says whether an operation comes before another one of the same cluster.
func (o *DatabaseOperation) OlderThan(other *DatabaseOperation) bool {
	return cmp.Or(o.CreationTimestamp.Compare(other.CreationTimestamp.Time), cmp.Compare(o.Name, other.Name)) < 0
}

// SwitchoverTarget is the member that is to be primary, "" for any.
func (o *DatabaseOperation) SwitchoverTarget() string {
	if o.Spec.Switchover == nil {
		return ""
	}
	return o.Spec.Switchover.Target
}

// Member is the one member that an operation names, "" when it names none.
func (o *DatabaseOperation) Member() string {
	if o.Spec.RebuildMember != nil {
		return o.Spec.RebuildMember.Member
	}
	return o.SwitchoverTarget()
}

// Switched says whether a switchover has reached its end: its target is primary or, without one, somebody else than at
// its beginning. No clocks are compared: they are of three machines, and one that is late would have the new primary
// hand over again.
func (o *DatabaseOperation) Switched(primary string) bool {
	if target := o.SwitchoverTarget(); target != "" {
		return primary == target
	}
	return o.Status.Primary != "" && primary != o.Status.Primary
}

// Restarts says whether an operation asks for a member to be restarted.
func (o *DatabaseOperation) Restarts(member string) bool {
	return o.Spec.Type == OperationRestart && (o.Spec.Restart == nil || len(o.Spec.Restart.Members) == 0 ||
		slices.Contains(o.Spec.Restart.Members, member))
}

// Restarted says whether a pod was made since the operation was. Both times are the API server's.
func (o *DatabaseOperation) Restarted(pod metav1.Object) bool {
	return !pod.GetCreationTimestamp().Time.Before(o.CreationTimestamp.Time)
}
