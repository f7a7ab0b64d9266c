// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// TestSilence is invariant I1: with nothing to do the operator writes nothing and reads nothing, over resyncs of every
// cluster and over its own restart.
func TestSilence(t *testing.T) {
	const clusters = 20
	watched := 3 * time.Minute
	if os.Getenv("E2E_LONG") != "" {
		watched = 10 * time.Minute
	}
	f := newFixture(t)
	for i := range clusters {
		f.newCluster(fmt.Sprintf("quiet-%d", i), 1)
	}
	for i := range clusters {
		f.AwaitReady(fmt.Sprintf("quiet-%d", i))
	}
	time.Sleep(5 * time.Second) // the last reports arrive
	began := time.Now()
	for range 2 {
		f.Resync(v1alpha1.EnginePostgreSQL)
		time.Sleep(watched / 3)
	}
	f.restartOperator()
	time.Sleep(watched / 3)

	var broken []string
	starts := 0
	for _, r := range f.RequestsSince(began, frame.Request.ByOperator) {
		switch {
		case r.ObjectRef.Namespace != "" && r.ObjectRef.Namespace != f.NS:
			// another test's cluster
		case r.IsWrite():
			broken = append(broken, r.String())
		case r.Verb == "get" && r.ObjectRef.Name != "":
			broken = append(broken, r.String())
		case r.Verb == "list":
			starts++
		}
	}
	// Two replicas that start make one list or one watch for each of 13 kinds; the rest would be reads of a sync.
	if starts > 2*13 {
		t.Errorf("%d lists, want only those of informers that start", starts)
	}
	f.Step("%d clusters at rest over %s, two resyncs and a restart: %d requests of the operator", clusters, watched,
		len(broken))
	if len(broken) > 0 {
		t.Errorf("the operator was not silent:\n%s", strings.Join(broken, "\n"))
	}
}

// TestTheOtherOperatorFinishes kills the leader in the middle of a creation.
func TestTheOtherOperatorFinishes(t *testing.T) {
	f := newFixture(t)
	began := time.Now()
	leader := f.leader()
	for i := range 3 {
		f.newCluster(fmt.Sprintf("half-%d", i), 3)
	}
	f.Must(f.Kube.CoreV1().Pods("atlasdb-system").Delete(t.Context(), leader, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)),
	}))
	f.Step("killed the leader %s", leader)
	for i := range 3 {
		f.AwaitReady(fmt.Sprintf("half-%d", i))
	}
	if now := f.leader(); now == leader {
		t.Errorf("the leader is still %s", now)
	}
	made := map[string]int{}
	for _, r := range f.RequestsSince(began, func(r frame.Request) bool {
		return r.ByOperator() && r.Verb == "create" && r.ResponseStatus.Code == 201 && r.ObjectRef.Namespace == f.NS &&
			r.ObjectRef.Resource != "events"
	}) {
		made[r.ObjectRef.Resource+"/"+r.ObjectRef.Name]++
	}
	for what, n := range made {
		if n > 1 {
			t.Errorf("%s was made %d times", what, n)
		}
	}
	f.Eventually("two operators are available again", func(ctx context.Context) error {
		d, err := f.Kube.AppsV1().Deployments("atlasdb-system").Get(ctx, "atlasdb-operator", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != 2 {
			err = errors.New("not yet")
		}
		return err
	})
}

// leader gives the pod that leads.
func (f *fixture) leader() string {
	f.Helper()
	l, err := f.Kube.CoordinationV1().Leases("atlasdb-system").Get(f.Context(), "atlasdb-operator", metav1.GetOptions{})
	f.Must(err)
	pod, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
	return pod
}
