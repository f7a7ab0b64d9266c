// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/consistency"
)

// Outcome is what became of a decision.
type Outcome struct {
	// Progress says that something was written, so that events will bring the key back at once.
	Progress bool
	// Failures are the objects that the API server refused, for status.
	Failures []Failure
	// RequeueAfter asks for another try at what no event will announce; zero when nothing needs it.
	RequeueAfter time.Duration
	// Err is why the key must be tried again soon; nil when nothing failed, or when a retry would change nothing.
	Err error
}

// Failure is one object that could not be written.
type Failure struct {
	Ref     Ref
	Reason  string
	Message string
}

// foreignRetry is when to look again at a name that somebody else's object has taken. That object carries no label of
// ours, so its deletion raises no event.
const foreignRetry = 30 * time.Second

// act carries out a decision. One refusal does not stop the rest: a quota that is full for pods must not keep a Service
// from being mended.
func (c *Controller) act(ctx context.Context, key cache.ObjectName, s Snapshot, d Decision) Outcome {
	var o Outcome
	for _, g := range d.Generate {
		secret, err := generate(s, g)
		if err != nil {
			o.Failures = append(o.Failures, Failure{
				Ref{"Secret", g.What.name(s.Cluster.Name)}, v1alpha1.ReasonInvalidSecret, err.Error()})
			o.Err = errors.Join(o.Err, err)
			continue
		}
		c.write(ctx, key, s, secret, &o)
	}
	for _, w := range d.Writes {
		if ctx.Err() != nil {
			break
		}
		c.write(ctx, key, s, w, &o)
	}
	for _, x := range d.Deletes {
		c.remove(ctx, key, x, &o)
	}
	if d.RequeueAfter > 0 {
		o.requeueAfter(d.RequeueAfter)
	}
	return o
}

// requeueAfter asks for a pass no later than after the given time.
func (o *Outcome) requeueAfter(after time.Duration) {
	if o.RequeueAfter == 0 || after < o.RequeueAfter {
		o.RequeueAfter = after
	}
}

// write makes or changes one object and remembers the write, so that the next pass waits for its own cache.
func (c *Controller) write(ctx context.Context, key cache.ObjectName, s Snapshot, w Write, o *Outcome) {
	ref := Ref{apply.Kind(w.Wanted), apply.Name(w.Wanted)}
	written, err := c.createOrApply(ctx, s, w)
	if err != nil {
		o.fail(ref, err, w.Retry)
		return
	}
	o.Progress = true
	c.gate.Wrote(key, apply.Kinds[ref.Kind], written.GetResourceVersion())
	klog.FromContext(ctx).V(2).Info("Wrote object", "kind", ref.Kind, "object", klog.KObj(written), "why", w.Why)
}

func (c *Controller) createOrApply(ctx context.Context, s Snapshot, w Write) (metav1.Object, error) {
	if w.Seen != nil {
		return c.writer.Apply(ctx, w.Wanted, w.Seen)
	}
	created, err := c.writer.Create(ctx, w.Wanted)
	exists, ok := errors.AsType[*apply.ExistsError](err)
	if !ok {
		return created, err
	}
	return c.takeBack(ctx, s, w.Wanted, exists)
}

// takeBack deals with an object that the informers did not show. One of ours that lost its label is labelled again; one
// of ours with its label was only not seen yet.
func (c *Controller) takeBack(
	ctx context.Context, s Snapshot, wanted runtime.ApplyConfiguration, exists *apply.ExistsError,
) (metav1.Object, error) {
	there := exists.Existing
	labelled := there.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy
	switch ownerOf(there, s.Cluster) {
	case ours:
		if labelled {
			return nil, &consistency.StaleError{
				Resource: apply.Kinds[apply.Kind(wanted)], Waiting: "resourceVersion " + there.GetResourceVersion(),
			}
		}
		keepSecret(wanted, there)
		return c.writer.Apply(ctx, wanted, there)
	case adoptable, leaving:
		return nil, &consistency.StaleError{
			Resource: apply.Kinds[apply.Kind(wanted)], Waiting: "deletion of " + there.GetName(),
		}
	case foreign:
	}
	return nil, exists
}

// remove deletes one object.
func (c *Controller) remove(ctx context.Context, key cache.ObjectName, x Deletion, o *Outcome) {
	err := c.writer.Delete(ctx, x.Kind, x.Seen)
	if apierrors.IsNotFound(err) {
		return
	}
	if err != nil {
		o.fail(Ref{x.Kind, x.Seen.GetName()}, err, 0)
		return
	}
	o.Progress = true
	c.gate.Deleted(key, apply.Kinds[x.Kind], x.Seen.GetName(), x.Seen.GetUID())
	klog.FromContext(ctx).V(2).Info("Deleted object", "kind", x.Kind, "object", klog.KObj(x.Seen), "why", x.Why)
}

// fail notes a refusal. What only time or somebody else can mend is for status; what a retry mends is for the queue.
// retry is when to try again what was refused; zero leaves that to the queue.
func (o *Outcome) fail(ref Ref, err error, retry time.Duration) {
	if _, ok := errors.AsType[*apply.ExistsError](err); ok {
		o.Failures = append(o.Failures, Failure{ref, v1alpha1.ReasonNameConflict, fmt.Sprintf(
			"%s %q exists and does not belong to this cluster; rename or delete it", ref.Kind, ref.Name)})
		o.requeueAfter(foreignRetry)
		return
	}
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		o.Failures = append(o.Failures, Failure{ref, refusalReason(err), fmt.Sprintf(
			"%s %q was refused: %v", ref.Kind, ref.Name, err)})
		if retry > 0 {
			o.requeueAfter(retry)
			return
		}
	}
	o.Err = errors.Join(o.Err, fmt.Errorf("writing %s %q: %w", ref.Kind, ref.Name, err))
}

// refusalReason tells a full quota from other refusals. The API server has no cause for it, so its words must do; they
// decide only which reason a user reads.
func refusalReason(err error) string {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok &&
		strings.Contains(status.ErrStatus.Message, "exceeded quota") {
		return v1alpha1.ReasonQuotaExceeded
	}
	return v1alpha1.ReasonForbidden
}
