// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2/ktesting"
)

var electionDefaults = LeaderElectionOptions{
	Enabled: true, Namespace: "atlasdb-system", Name: "atlasdb-operator",
	LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
}

// candidate is one process that runs for leader in a test.
type candidate struct {
	stop     context.CancelFunc
	returned chan error
	began    chan struct{}
}

// campaign starts a candidate whose work takes draining to return after its context has ended.
func campaign(t *testing.T, client *fake.Clientset, identity string, draining time.Duration) *candidate {
	t.Helper()
	_, ctx := ktesting.NewTestContext(t)
	c := &candidate{returned: make(chan error, 1), began: make(chan struct{})}
	ctx, c.stop = context.WithCancel(ctx)
	l := &leader{
		opts: electionDefaults,
		lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: electionDefaults.Namespace, Name: electionDefaults.Name},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		watchdog: leaderelection.NewLeaderHealthzAdaptor(expiredTolerance),
	}
	go func() {
		c.returned <- l.Run(ctx, func(ctx context.Context) {
			close(c.began)
			<-ctx.Done()
			time.Sleep(draining)
		})
	}()
	return c
}

func (c *candidate) leads() bool {
	select {
	case <-c.began:
		return true
	default:
		return false
	}
}

func holder(t *testing.T, client *fake.Clientset) string {
	t.Helper()
	lease, err := client.CoordinationV1().Leases(electionDefaults.Namespace).
		Get(t.Context(), electionDefaults.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return *lease.Spec.HolderIdentity
}

// TestHandOver holds the one rule of leader election: the Lease is let go only after the work has returned.
func TestHandOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		const draining = 18 * time.Second // longer than the Lease: it must be renewed while the work drains
		first := campaign(t, client, "first", draining)
		<-first.began
		second := campaign(t, client, "second", 0)
		time.Sleep(time.Minute)

		first.stop()
		time.Sleep(draining - time.Second)
		synctest.Wait()
		if second.leads() || holder(t, client) != "first" {
			t.Fatalf("the first still drains, but the second leads: %t, and the holder is %q",
				second.leads(), holder(t, client))
		}
		time.Sleep(time.Second)
		if err := <-first.returned; err != nil {
			t.Errorf("Run of the first = %v, want nil", err)
		}
		released := time.Now()
		<-second.began
		// A standby tries every 2 to 4.4 s: the retry period with the elector's jitter.
		if took := time.Since(released); took > 5*time.Second {
			t.Errorf("the second began %s after the release, as if the Lease had to expire", took)
		}
		second.stop()
		if err := <-second.returned; err != nil {
			t.Errorf("Run of the second = %v, want nil", err)
		}
	})
}

func TestStandbyStopsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		first := campaign(t, client, "first", 0)
		<-first.began
		second := campaign(t, client, "second", 0)
		time.Sleep(time.Minute)
		began := time.Now()
		second.stop()
		if err := <-second.returned; err != nil || time.Since(began) != 0 {
			t.Errorf("Run of a standby = %v after %s, want nil at once", err, time.Since(began))
		}
		if second.leads() || holder(t, client) != "first" {
			t.Errorf("a standby that stopped began work: %t; holder %q", second.leads(), holder(t, client))
		}
		first.stop()
		<-first.returned
	})
}

// TestStopRacesWithBecomingLeader stops candidates at the very moment in which they get the Lease. Whoever wins, the
// Lease must end up released and Run return.
func TestStopRacesWithBecomingLeader(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			client := fake.NewClientset()
			stop := make(chan context.CancelFunc, 1)
			client.PrependReactor("create", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
				go func() { (<-stop)() }()
				return false, nil, nil
			})
			c := campaign(t, client, "first", time.Second)
			stop <- c.stop
			if err := <-c.returned; err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
			if who := holder(t, client); who != "" {
				t.Errorf("the Lease is still held by %q", who)
			}
		})
	}
}

func TestLostLeaseDoesNotWaitForWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		var cut atomic.Bool
		client.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			return cut.Load(), nil, errors.New("connection refused")
		})
		c := campaign(t, client, "first", time.Hour)
		<-c.began
		time.Sleep(time.Minute)
		cut.Store(true)
		began := time.Now()
		if err := <-c.returned; !errors.Is(err, errLeaseLost) {
			t.Errorf("Run = %v, want %v", err, errLeaseLost)
		}
		if took := time.Since(began); took >= electionDefaults.LeaseDuration {
			t.Errorf("Run returned %s after the cut, when another could already act", took)
		}
		c.stop() // the work is still running; in a process, the exit ends it
		time.Sleep(time.Hour)
	})
}

func TestTwoProcessesOfOneHostHaveTwoIdentities(t *testing.T) {
	t.Parallel()
	identities := map[string]bool{}
	for range 2 {
		l, err := newLeader(&rest.Config{Host: "https://127.0.0.1:1"}, electionDefaults)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(); err != nil {
			t.Errorf("Check before the election = %v, want nil", err)
		}
		identities[l.lock.Identity()] = true
	}
	if len(identities) != 2 {
		t.Errorf("identities = %v: a restarted process would take itself for its predecessor", identities)
	}
}
