// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// note is one event.
type note struct {
	kind, reason, message string
}

// transition tells what changed between two statuses: an operation has begun, or it has ended.
func transition(was, is v1alpha1.DatabaseOperationStatus) (note, bool) {
	switch {
	case was.CompletionTime == nil && is.CompletionTime != nil:
		c := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionComplete)
		if c.Reason == v1alpha1.ReasonComplete {
			return note{corev1.EventTypeNormal, "OperationComplete", c.Message}, true
		}
		return note{corev1.EventTypeWarning, "Operation" + c.Reason, c.Message}, true
	case was.StartTime == nil && is.StartTime != nil:
		return note{corev1.EventTypeNormal, "OperationBegan", "the members are asked for it"}, true
	}
	return note{}, false
}
