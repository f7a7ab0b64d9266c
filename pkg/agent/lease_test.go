// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// leaseObject is a Lease as the operator makes it.
func leaseObject(version string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: resource.LeaseName(me.Cluster), Namespace: me.Namespace, UID: "l-1", ResourceVersion: version,
		Labels: map[string]string{"kept": "yes"}, Annotations: map[string]string{"kept": "too"},
	}}
}

// TestARecordIsReadAsItWasWritten: what one member writes, all others must read.
func TestARecordIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	base := election.Record{UID: "l-1", Holder: me.Incarnation(), Epoch: 4, Duration: election.LeaseDuration}
	full := base
	full.Electorate = []string{"orders-db-0", "orders-db-1"}
	full.Quorum = engine.Quorum{Count: 2, Members: []string{"orders-db-0", "orders-db-1"}}
	full.Lineage = engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: 4, Timeline: 2, Position: 1 << 63}}
	released := full
	released.Holder = ""
	released.Released = &election.Release{
		Incarnation: me.Incarnation(), Epoch: 4, Successor: "orders-db-1", Reason: engine.FailoverSwitchover,
	}
	for name, r := range map[string]election.Record{"little": base, "all": full, "released": released} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := fake.NewClientset(leaseObject(""))
			l := clusterOn(t, client).lease
			before, err := l.Get(t.Context())
			if err != nil || before.Holder != "" || before.Epoch != 0 || !before.Quorum.None() || before.Electorate != nil {
				t.Fatalf("a new Lease reads %+v, %v", before, err)
			}
			r.ResourceVersion = before.ResourceVersion
			written, err := l.Update(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			read, err := l.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			read.ResourceVersion, written.ResourceVersion = r.ResourceVersion, r.ResourceVersion
			if !reflect.DeepEqual(read, r) || !reflect.DeepEqual(written, r) {
				t.Errorf("wrote %+v, got %+v, read %+v", r, written, read)
			}
		})
	}
}

// TestALeaseThatCannotBeReadIsAnError: a quorum that is taken for absent lets a member be promoted that lacks
// acknowledged writes, and a release that is taken for absent is at best a wait.
func TestALeaseThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		v1alpha1.AnnotationCommitQuorum: `{"count":2,"members":[`,
		v1alpha1.AnnotationReleasedBy:   `yes`,
		v1alpha1.AnnotationLineage:      `{"epoch":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lease := leaseObject("5")
			lease.Annotations[name] = value
			c := clusterOn(t, fake.NewClientset(lease))
			if r, err := c.lease.Get(t.Context()); err == nil {
				t.Errorf("%s of %s reads as %+v", value, name, r)
			}
			c.watchLease(lease)
			if seen := c.elector.(*told).records; len(seen) > 0 {
				t.Errorf("the election was told of %+v", seen)
			}
		})
	}
}

// updates collects the Leases that are written, and accepts them.
func updates(client *fake.Clientset, version string) *[]*coordinationv1.Lease {
	var sent []*coordinationv1.Lease
	client.PrependReactor("update", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		lease := a.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease)
		sent = append(sent, lease.DeepCopy())
		answer := lease.DeepCopy()
		answer.ResourceVersion = version
		return true, answer, nil
	})
	return &sent
}

// TestTheLeaseIsWrittenAsItWasJudged: the watch may bring another's write between the judgement and the act, and a
// write with the newer resourceVersion would overwrite it without a conflict (PROTOCOL I5).
func TestTheLeaseIsWrittenAsItWasJudged(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(leaseObject("5"))
	sent := updates(client, "7")
	c := clusterOn(t, client)
	judged, err := c.lease.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taken := leaseObject("6")
	taken.Spec.HolderIdentity = new("orders-db-1/u/n")
	c.watchLease(taken)
	judged.Holder, judged.Epoch = me.Incarnation(), 1
	if _, err := c.lease.Update(t.Context(), judged); err != nil {
		t.Fatal(err)
	}
	got := (*sent)[0]
	if got.ResourceVersion != "5" || got.UID != "l-1" || holder(got) != me.Incarnation() ||
		*got.Spec.LeaseTransitions != 1 {
		t.Errorf("sent %+v %+v", got.ObjectMeta, got.Spec)
	}
	if got.Labels["kept"] != "yes" || got.Annotations["kept"] != "too" {
		t.Errorf("what others wrote is gone: %+v", got.ObjectMeta)
	}
	if got.Spec.AcquireTime == nil || got.Spec.RenewTime == nil {
		t.Error("people are not told when the Lease was taken and renewed")
	}
	if holder(taken) != "orders-db-1/u/n" {
		t.Error("the cached Lease was changed")
	}
}

// TestALateWatchTakesNothingBack: the watch shows the past. A write that starts from it would carry the newest
// resourceVersion, and with it undo what somebody else had written in between.
func TestALateWatchTakesNothingBack(t *testing.T) {
	t.Parallel()
	newest := leaseObject("10")
	newest.Labels["operator"] = "was here"
	client := fake.NewClientset(newest)
	sent := updates(client, "11")
	c := clusterOn(t, client)
	r, err := c.lease.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.watchLease(leaseObject("9"))
	if _, err := c.lease.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := (*sent)[0]; got.Labels["operator"] != "was here" {
		t.Errorf("wrote %+v over what was read last", got.ObjectMeta)
	}
}

// TestARenewalKeepsWhenTheLeaseWasTaken, and a release names no holder: the API server refuses an empty one.
func TestARenewalKeepsWhenTheLeaseWasTaken(t *testing.T) {
	t.Parallel()
	lease := leaseObject("5")
	acquired := metav1.NewMicroTime(time.Unix(1000, 0))
	lease.Spec.HolderIdentity, lease.Spec.AcquireTime = new(me.Incarnation()), &acquired
	client := fake.NewClientset(lease)
	sent := updates(client, "6")
	l := clusterOn(t, client).lease
	r, err := l.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, err = l.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Holder = ""
	if _, err := l.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	renewed, released := (*sent)[0].Spec, (*sent)[1].Spec
	if !renewed.AcquireTime.Equal(&acquired) || *renewed.LeaseDurationSeconds != 10 {
		t.Errorf("a renewal wrote %+v", renewed)
	}
	if released.HolderIdentity != nil {
		t.Errorf("a release names %q", *released.HolderIdentity)
	}
}

// TestNobodyWritesALeaseThatWasNeverRead: there is nothing that it could be a change of.
func TestNobodyWritesALeaseThatWasNeverRead(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(leaseObject("5"))
	_, err := clusterOn(t, client).lease.Update(t.Context(), election.Record{Holder: me.Incarnation()})
	if !errors.Is(err, election.ErrAbsent) || len(client.Actions()) > 0 {
		t.Errorf("got %v after %v", err, client.Actions())
	}
}

// TestWhatIsAnAnswer: only without one may a holder ask its peers to vouch for it (PROTOCOL I9).
func TestWhatIsAnAnswer(t *testing.T) {
	t.Parallel()
	leases := schema.GroupResource{Resource: "leases"}
	badGateway := apierrors.NewGenericServerResponse(http.StatusBadGateway, "put", leases, "l", "", 0, true)
	sentinels := []error{election.ErrNoAnswer, election.ErrConflict, election.ErrAbsent}
	for name, tt := range map[string]struct {
		err  error
		want error // nil for an answer that is only a refusal
	}{
		"401":         {apierrors.NewUnauthorized("who?"), nil},
		"403":         {apierrors.NewForbidden(leases, "l", errors.New("no")), nil},
		"422":         {apierrors.NewInvalid(schema.GroupKind{Kind: "Lease"}, "l", nil), nil},
		"404":         {apierrors.NewNotFound(leases, "l"), election.ErrAbsent},
		"409":         {apierrors.NewConflict(leases, "l", errors.New("changed")), election.ErrConflict},
		"429":         {apierrors.NewTooManyRequestsError("slow down"), election.ErrNoAnswer},
		"500":         {apierrors.NewInternalError(errors.New("no quorum")), election.ErrNoAnswer},
		"503":         {apierrors.NewServiceUnavailable("starting"), election.ErrNoAnswer},
		"504":         {apierrors.NewTimeoutError("slow", 1), election.ErrNoAnswer},
		"a proxy":     {badGateway, election.ErrNoAnswer},
		"no dial":     {errors.New("dial tcp: connection refused"), election.ErrNoAnswer},
		"time is up":  {fmt.Errorf("put: %w", context.DeadlineExceeded), election.ErrNoAnswer},
		"404 wrapped": {fmt.Errorf("put: %w", apierrors.NewNotFound(leases, "l")), election.ErrAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := classify(tt.err)
			for _, sentinel := range sentinels {
				if want := errors.Is(tt.want, sentinel); errors.Is(got, sentinel) != want {
					t.Errorf("%v is %v: %v, want %v", got, sentinel, !want, want)
				}
			}
			if !errors.Is(got, tt.err) {
				t.Errorf("%v hides %v", got, tt.err)
			}
		})
	}
}
