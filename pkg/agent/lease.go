// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// leases is the cluster's Lease on the API server, as the election reads and writes it.
type leases struct {
	client coordinationclient.LeaseInterface
	name   string

	// last is the newest object that was read, written or watched: what the election does not know of it stays.
	mu   sync.Mutex
	last *coordinationv1.Lease
}

// Get reads the Lease from the API server. Without a resourceVersion the answer is the newest there is, and no cache's.
func (l *leases) Get(ctx context.Context) (election.Record, error) {
	lease, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
	if err != nil {
		return election.Record{}, classify(err)
	}
	return l.keep(lease)
}

// Update writes a record as a change of the object that it was read from.
func (l *leases) Update(ctx context.Context, r election.Record) (election.Record, error) {
	lease, err := l.apply(r)
	if err != nil {
		return election.Record{}, err
	}
	written, err := l.client.Update(ctx, lease, metav1.UpdateOptions{})
	if err != nil {
		return election.Record{}, classify(err)
	}
	return l.keep(written)
}

// keep reads an object's record and remembers the object, unless a newer one is known: a write that started from what
// a late watch shows would undo what others wrote since.
func (l *leases) keep(lease *coordinationv1.Lease) (election.Record, error) {
	r, err := recordOf(lease)
	if err != nil {
		return election.Record{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil {
		order, err := resourceversion.CompareResourceVersion(lease.ResourceVersion, l.last.ResourceVersion)
		if err == nil && order < 0 {
			return r, nil
		}
	}
	l.last = lease
	return r, nil
}

// apply puts a record into a copy of the object.
func (l *leases) apply(r election.Record) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	lease := l.last.DeepCopy()
	l.mu.Unlock()
	if lease == nil {
		return nil, election.ErrAbsent
	}
	annotations := map[string]string{v1alpha1.AnnotationFailsafeMembers: strings.Join(r.Electorate, ",")}
	for name, value := range map[string]any{
		v1alpha1.AnnotationCommitQuorum: r.Quorum, v1alpha1.AnnotationReleasedBy: r.Released,
		v1alpha1.AnnotationLineage: r.Lineage,
	} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, err)
		}
		annotations[name] = string(encoded)
	}
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	maps.Copy(lease.Annotations, annotations)
	lease.UID, lease.ResourceVersion = types.UID(r.UID), r.ResourceVersion
	if holder(lease) != r.Holder {
		lease.Spec.AcquireTime = new(metav1.NowMicro())
	}
	lease.Spec.HolderIdentity = nil
	if r.Holder != "" {
		lease.Spec.HolderIdentity = new(r.Holder) // the server refuses an empty one
	}
	lease.Spec.RenewTime = new(metav1.NowMicro())
	lease.Spec.LeaseTransitions = new(int32(r.Epoch))
	lease.Spec.LeaseDurationSeconds = new(int32(r.Duration / time.Second))
	return lease, nil
}

func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// recordOf reads a Lease. An annotation that cannot be read is an error, and not nothing: a quorum that is taken for
// absent would let a member be promoted that lacks acknowledged writes.
func recordOf(lease *coordinationv1.Lease) (election.Record, error) {
	r := election.Record{
		UID: string(lease.UID), ResourceVersion: lease.ResourceVersion, Holder: holder(lease),
		Duration: election.LeaseDuration,
	}
	if lease.Spec.LeaseTransitions != nil {
		r.Epoch = int64(*lease.Spec.LeaseTransitions)
	}
	if lease.Spec.LeaseDurationSeconds != nil {
		r.Duration = time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second
	}
	if listed := lease.Annotations[v1alpha1.AnnotationFailsafeMembers]; listed != "" {
		r.Electorate = strings.Split(listed, ",")
	}
	for name, into := range map[string]any{
		v1alpha1.AnnotationCommitQuorum: &r.Quorum, v1alpha1.AnnotationReleasedBy: &r.Released,
		v1alpha1.AnnotationLineage: &r.Lineage,
	} {
		if encoded := lease.Annotations[name]; encoded != "" {
			if err := json.Unmarshal([]byte(encoded), into); err != nil {
				return election.Record{}, fmt.Errorf("reading annotation %s of the Lease: %w", name, err)
			}
		}
	}
	return r, nil
}

// classify tells whether the API server answered (PROTOCOL I9): 401, 403, 404 and 409 are answers, 429 and 5xx are not.
func classify(err error) error {
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if !answered {
		return fmt.Errorf("%w: %w", election.ErrNoAnswer, err)
	}
	switch code := status.Status().Code; {
	case code == http.StatusTooManyRequests, code >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %w", election.ErrNoAnswer, err)
	case code == http.StatusConflict:
		return fmt.Errorf("%w: %w", election.ErrConflict, err)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", election.ErrAbsent, err)
	}
	return err
}
