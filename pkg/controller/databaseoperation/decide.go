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
	// Own says that the operation is to belong to its cluster, so that it goes when that goes.
	Own bool
	// Delete says that the operation's time to live has passed.
	Delete bool
	// RequeueAfter is when time alone will change something; zero when it will not.
	RequeueAfter time.Duration
}

// Decide finds out what becomes of an operation. It is pure. Nothing is done here: an operation that has begun is part
// of the cluster's plan (package databasecluster) until this says that it has ended.
func Decide(s Snapshot) Decision {
	op := s.Operation
	switch {
	case op.Status.CompletionTime != nil:
		return expire(s)
	case s.Cluster == nil:
		return finish(s, v1alpha1.ReasonClusterMissing, fmt.Sprintf(
			"spec.clusterRef.name: there is no DatabaseCluster %q in this namespace", op.Spec.ClusterRef.Name))
	case op.Status.StartTime == nil:
		return begin(s)
	}
	deadline := op.Status.StartTime.Add(time.Duration(op.Spec.TimeoutSeconds) * time.Second)
	if message, done := verbs[op.Spec.Type].done(s); done {
		return finish(s, v1alpha1.ReasonComplete, message)
	}
	if message, refused := s.refusal(); refused {
		return finish(s, v1alpha1.ReasonRefused, message)
	}
	if !s.Now.Time.Before(deadline) {
		return finish(s, v1alpha1.ReasonTimedOut, fmt.Sprintf(
			"not done within spec.timeoutSeconds (%d); the members are no longer asked for it", op.Spec.TimeoutSeconds))
	}
	return Decision{Status: *op.Status.DeepCopy(), RequeueAfter: deadline.Sub(s.Now.Time)}
}

// begin lets an operation begin, refuses it, or has it wait for an older one.
func begin(s Snapshot) Decision {
	op := s.Operation
	if s.Before != "" {
		d := Decision{Status: *op.Status.DeepCopy(), Own: true}
		d.set(s, v1alpha1.ConditionAccepted, metav1.ConditionUnknown, v1alpha1.ReasonWaiting,
			"operation "+s.Before+" of the same cluster comes first")
		return d
	}
	if message, idle := s.idle(); idle {
		return finish(s, v1alpha1.ReasonRefused, message)
	}
	if message, unsupported := s.unsupported(); unsupported {
		return finish(s, v1alpha1.ReasonUnsupported, message)
	}
	if message, unsafe := verbs[op.Spec.Type].refuse(s); unsafe {
		return finish(s, v1alpha1.ReasonRefused, message)
	}
	primary, _ := s.primary()
	d := Decision{Status: *op.Status.DeepCopy(), Own: true}
	d.Status.StartTime, d.Status.Primary = &s.Now, primary.Name
	d.Status.Steps = []v1alpha1.OperationStep{{Name: string(op.Spec.Type), Message: "the members are asked for it"}}
	d.set(s, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "the operation has begun")
	d.set(s, v1alpha1.ConditionComplete, metav1.ConditionFalse, v1alpha1.ReasonUnderWay, "the members are asked for it")
	d.set(s, v1alpha1.ConditionFailed, metav1.ConditionFalse, v1alpha1.ReasonUnderWay, "nothing has failed")
	return d
}

// finish ends an operation.
func finish(s Snapshot, reason, message string) Decision {
	d := Decision{Status: *s.Operation.Status.DeepCopy()}
	d.Status.CompletionTime = &s.Now
	for i := range d.Status.Steps {
		d.Status.Steps[i].CompletionTime, d.Status.Steps[i].Message = &s.Now, conditions.Truncate(message)
	}
	complete, failed := metav1.ConditionTrue, metav1.ConditionFalse
	if reason != v1alpha1.ReasonComplete {
		complete, failed = failed, complete
	}
	if d.Status.StartTime == nil {
		d.set(s, v1alpha1.ConditionAccepted, complete, reason, message)
	}
	d.set(s, v1alpha1.ConditionComplete, complete, reason, message)
	d.set(s, v1alpha1.ConditionFailed, failed, reason, message)
	return d
}

func (d *Decision) set(s Snapshot, t string, status metav1.ConditionStatus, reason, message string) {
	d.Status.ObservedGeneration = s.Operation.Generation
	conditions.Set(&d.Status.Conditions, metav1.Condition{
		Type: t, Status: status, Reason: reason, Message: message,
		ObservedGeneration: s.Operation.Generation, LastTransitionTime: s.Now,
	})
}

// expire deletes an operation that has ended when its time to live has passed.
func expire(s Snapshot) Decision {
	d := Decision{Status: s.Operation.Status}
	if ttl := s.Operation.Spec.TTLSecondsAfterFinished; ttl != nil {
		left := s.Operation.Status.CompletionTime.Add(time.Duration(*ttl) * time.Second).Sub(s.Now.Time)
		d.Delete, d.RequeueAfter = left <= 0, max(left, 0)
	}
	return d
}
