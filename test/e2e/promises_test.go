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

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

// budget is what a creation may cost, object by object. One write more fails the test, on purpose: every write is paid
// by every cluster of every user.
var budget = map[string]map[int32]int{
	"create serviceaccounts": {1: 1, 3: 1}, "create roles": {1: 1, 3: 1}, "create rolebindings": {1: 1, 3: 1},
	"create secrets":                {1: 4, 3: 4}, // authority, certificates, login, plan
	"create services":               {1: 2, 3: 3}, // headless, rw; ro
	"create networkpolicies":        {1: 1, 3: 1},
	"create leases":                 {1: 1, 3: 1},
	"create poddisruptionbudgets":   {1: 0, 3: 1},
	"create persistentvolumeclaims": {1: 1, 3: 3},
	"create pods":                   {1: 1, 3: 3},
	"patch secrets":                 {1: 1, 3: 1}, // the plan, once the data is born
	"create events":                 {1: 1, 3: 1}, // Ready
	// At most: accepted, primary, primary ready; for each replica following, level, ready; durable. What members say
	// within a moment of each other shares one, so that 7 or 8 are usual.
	"update databaseclusters": {1: 3, 3: 10},
}

// agentBudget is what one member may write from its birth to Ready: a patch for each change of its report. leaseBudget
// is what all members together may write to the Lease beside its renewals: taken, and the quorum and lineage recorded;
// and for each replica that is not level after 10 s, that writes do not count on it, and that they do again.
const (
	agentBudget = 6
	leaseBudget = 4 + 2*2
)

func TestWriteBudget(t *testing.T) {
	for members, total := range map[int32]int{1: 18, 3: 31} {
		t.Run(fmt.Sprintf("%d members", members), func(t *testing.T) {
			f := newFrame(t)
			began := time.Now()
			f.newCluster("orders", members)
			f.await("orders", "Available", func(c *v1alpha1.DatabaseCluster) bool {
				return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionAvailable)
			})
			f.awaitReady("orders")
			time.Sleep(3 * time.Second) // what comes late counts too

			mine := func(r request) bool { return r.ObjectRef.Namespace == f.ns && r.isWrite() }
			spent := map[string]int{}
			sum := 0
			for _, r := range f.requestsSince(began, func(r request) bool { return byOperator(r) && mine(r) }) {
				spent[r.Verb+" "+r.ObjectRef.Resource]++
				sum++
			}
			for what, n := range spent {
				if allowed := budget[what][members]; n > allowed {
					t.Errorf("%s: %d writes, budgeted are %d", what, n, allowed)
				}
			}
			f.step("the operator wrote %d times: %v", sum, spent)
			if sum > total {
				t.Errorf("%d writes by the operator, want at most %d", sum, total)
			}
			byPod, leases := map[string]int{}, 0
			for _, r := range f.requestsSince(began, mine) {
				switch pod := byMember(r, f.ns); {
				case pod == "":
				case r.ObjectRef.Resource == "leases":
					leases++
				default:
					byPod[pod]++
				}
			}
			f.step("the agents wrote: %v, and the Lease %d times", byPod, leases)
			if renewals := int(time.Since(began)/(3*time.Second)) * int(members/3); leases > leaseBudget+renewals {
				t.Errorf("the Lease was written %d times, want at most %d and %d renewals", leases, leaseBudget, renewals)
			}
			for pod, n := range byPod {
				if n > agentBudget {
					t.Errorf("%s wrote %d times, want at most %d", pod, n, agentBudget)
				}
			}
		})
	}
}

// TestSilence is invariant I1: with nothing to do the operator writes nothing and reads nothing, over resyncs of every
// cluster and over its own restart.
func TestSilence(t *testing.T) {
	const clusters = 20
	watched := 3 * time.Minute
	if os.Getenv("E2E_LONG") != "" {
		watched = 10 * time.Minute
	}
	f := newFrame(t)
	for i := range clusters {
		f.newCluster(fmt.Sprintf("quiet-%d", i), 1)
	}
	for i := range clusters {
		f.awaitReady(fmt.Sprintf("quiet-%d", i))
	}
	time.Sleep(5 * time.Second) // the last reports arrive
	began := time.Now()
	for range 2 {
		f.resync()
		time.Sleep(watched / 3)
	}
	f.restartOperator()
	time.Sleep(watched / 3)

	var broken []string
	starts := 0
	for _, r := range f.requestsSince(began, byOperator) {
		switch {
		case r.ObjectRef.Namespace != "" && r.ObjectRef.Namespace != f.ns:
			// another test's cluster
		case r.isWrite():
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
	f.step("%d clusters at rest over %s, two resyncs and a restart: %d requests of the operator", clusters, watched,
		len(broken))
	if len(broken) > 0 {
		t.Errorf("the operator was not silent:\n%s", strings.Join(broken, "\n"))
	}
}

// resync makes the operator look at every cluster: an edit of their DatabaseEngine concerns them all.
func (f *frame) resync() {
	f.Helper()
	_, err := f.atlas.AtlasDBV1alpha1().DatabaseEngines().Patch(f.Context(), "postgresql", types.MergePatchType,
		fmt.Appendf(nil, `{"metadata":{"annotations":{"e2e/resync":%q}}}`, time.Now().Format(time.RFC3339Nano)),
		metav1.PatchOptions{})
	f.must(err)
	f.step("had every cluster looked at")
}

// TestTheOtherOperatorFinishes kills the leader in the middle of a creation.
func TestTheOtherOperatorFinishes(t *testing.T) {
	f := newFrame(t)
	began := time.Now()
	leader := f.leader()
	for i := range 3 {
		f.newCluster(fmt.Sprintf("half-%d", i), 3)
	}
	f.must(f.kube.CoreV1().Pods("atlasdb-system").Delete(t.Context(), leader, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)),
	}))
	f.step("killed the leader %s", leader)
	for i := range 3 {
		f.awaitReady(fmt.Sprintf("half-%d", i))
	}
	if now := f.leader(); now == leader {
		t.Errorf("the leader is still %s", now)
	}
	made := map[string]int{}
	for _, r := range f.requestsSince(began, func(r request) bool {
		return byOperator(r) && r.Verb == "create" && r.ResponseStatus.Code == 201 && r.ObjectRef.Namespace == f.ns &&
			r.ObjectRef.Resource != "events"
	}) {
		made[r.ObjectRef.Resource+"/"+r.ObjectRef.Name]++
	}
	for what, n := range made {
		if n > 1 {
			t.Errorf("%s was made %d times", what, n)
		}
	}
	f.eventually("two operators are available again", func(ctx context.Context) error {
		d, err := f.kube.AppsV1().Deployments("atlasdb-system").Get(ctx, "atlasdb-operator", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != 2 {
			err = errors.New("not yet")
		}
		return err
	})
}

// leader gives the pod that leads.
func (f *frame) leader() string {
	f.Helper()
	l, err := f.kube.CoordinationV1().Leases("atlasdb-system").Get(f.Context(), "atlasdb-operator", metav1.GetOptions{})
	f.must(err)
	pod, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
	return pod
}
