// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// InForce says that an operation has begun and not ended: the members are asked to carry it out.
func (o *DatabaseOperation) InForce() bool {
	return o.Status.StartTime != nil && o.Status.CompletionTime == nil && o.DeletionTimestamp == nil
}

// SwitchoverTarget is the member that is to be primary, "" for any.
func (o *DatabaseOperation) SwitchoverTarget() string {
	if o.Spec.Switchover == nil {
		return ""
	}
	return o.Spec.Switchover.Target
}

// Switched says whether a switchover has reached its end: its target is primary or, without one, somebody was promoted
// since it began.
func (o *DatabaseOperation) Switched(primary string, promoted metav1.Time) bool {
	if target := o.SwitchoverTarget(); target != "" {
		return primary == target
	}
	return o.Status.StartTime != nil && !promoted.IsZero() && !promoted.Before(o.Status.StartTime)
}
