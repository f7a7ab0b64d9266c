// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databaseoperation

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/conditions"
)

// Decision is what a pass will do with an operation.
type Decision struct {
	// Status is what status should say.
	Status v1alpha1.DatabaseOperationStatus
	// Delete says that the operation's time to live has passed.
	Delete bool
	// RequeueAfter is when it will have; zero when it has none.
	RequeueAfter time.Duration
}

// Decide answers an operation. It is pure.
func Decide(op *v1alpha1.DatabaseOperation, now metav1.Time) Decision {
	if op.Status.CompletionTime == nil {
		return Decision{Status: refuse(op, now)}
	}
	d := Decision{Status: op.Status}
	if ttl := op.Spec.TTLSecondsAfterFinished; ttl != nil {
		left := op.Status.CompletionTime.Add(time.Duration(*ttl) * time.Second).Sub(now.Time)
		d.Delete, d.RequeueAfter = left <= 0, max(left, 0)
	}
	return d
}

// refuse says that the operation will not be carried out.
func refuse(op *v1alpha1.DatabaseOperation, now metav1.Time) v1alpha1.DatabaseOperationStatus {
	st := *op.Status.DeepCopy()
	st.ObservedGeneration = op.Generation
	st.CompletionTime = &now
	message := fmt.Sprintf("spec.type: %s is not supported by this version of AtlasDB; nothing was changed", op.Spec.Type)
	for t, status := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionAccepted: metav1.ConditionFalse,
		v1alpha1.ConditionComplete: metav1.ConditionFalse,
		v1alpha1.ConditionFailed:   metav1.ConditionTrue,
	} {
		conditions.Set(&st.Conditions, metav1.Condition{
			Type: t, Status: status, Reason: v1alpha1.ReasonUnsupported, Message: message,
			ObservedGeneration: op.Generation, LastTransitionTime: now,
		})
	}
	return st
}
