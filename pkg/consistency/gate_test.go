// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package consistency

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// Every informer's store serves as it is.
var _ Store = cache.Store(nil)

var orders = cache.NewObjectName("shop", "orders")

// fakeStore is a store at a version of the test's choosing.
type fakeStore struct {
	version string
	pods    map[string]*corev1.Pod
	err     error
}

func (s *fakeStore) LastStoreSyncResourceVersion() string { return s.version }

func (s *fakeStore) GetByKey(key string) (item any, exists bool, err error) {
	pod, ok := s.pods[key]
	return pod, ok, s.err
}

func pod(uid types.UID, deleting bool) map[string]*corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders-db-0", UID: uid}}
	if deleting {
		p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	}
	return map[string]*corev1.Pod{"shop/orders-db-0": p}
}

func TestReadyAfterWrites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wrote []string
		seen  string
		stale bool
	}{
		"nothing written":              {seen: "5"},
		"behind":                       {wrote: []string{"7"}, seen: "6", stale: true},
		"behind by a digit":            {wrote: []string{"10"}, seen: "9", stale: true},
		"level":                        {wrote: []string{"7"}, seen: "7"},
		"ahead":                        {wrote: []string{"7"}, seen: "1000"},
		"the newest write counts":      {wrote: []string{"9", "7"}, seen: "8", stale: true},
		"store cannot tell":            {wrote: []string{"7"}, seen: ""},
		"write without version":        {wrote: []string{""}, seen: "6"},
		"known version after unknown":  {wrote: []string{"", "7"}, seen: "6", stale: true},
		"versions that are no numbers": {wrote: []string{"abc"}, seen: "abd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := NewGate(map[string]Store{"pods": &fakeStore{version: test.seen}})
			for _, rv := range test.wrote {
				gate.Wrote(orders, "pods", rv)
			}
			checkReady(t, gate, test.stale)
		})
	}
}

func TestReadyAfterDelete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		store fakeStore
		stale bool
	}{
		"still there":          {store: fakeStore{pods: pod("a", false)}, stale: true},
		"being deleted":        {store: fakeStore{pods: pod("a", true)}},
		"gone":                 {},
		"made anew":            {store: fakeStore{pods: pod("b", false)}},
		"store cannot be read": {store: fakeStore{pods: pod("a", false), err: errors.New("index")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := NewGate(map[string]Store{"pods": &test.store})
			gate.Deleted(orders, "pods", "orders-db-0", "a")
			checkReady(t, gate, test.stale)
		})
	}
}

func checkReady(t *testing.T, gate *Gate, stale bool) {
	t.Helper()
	err := gate.Ready(orders)
	staleErr, ok := errors.AsType[*StaleError](err)
	if ok != stale || (err != nil) != stale {
		t.Fatalf("Ready = %v, want stale %t", err, stale)
	}
	if stale && staleErr.Resource != "pods" {
		t.Errorf("stale resource = %q, want pods", staleErr.Resource)
	}
	if !stale && len(gate.pending) != 0 {
		t.Errorf("a level key is still remembered: %v", gate.pending)
	}
}

func TestEachResourceIsComparedWithItsOwnStore(t *testing.T) {
	t.Parallel()
	pods, secrets := &fakeStore{version: "100"}, &fakeStore{version: "5"}
	gate := NewGate(map[string]Store{"pods": pods, "secrets": secrets})
	gate.Wrote(orders, "pods", "100")
	gate.Wrote(orders, "secrets", "6")
	gate.Wrote(orders, "configmaps", "1000") // no store: not waited for
	if err := gate.Ready(orders); err == nil {
		t.Error("Ready = nil while the store of secrets is behind")
	}
	if err := gate.Ready(cache.NewObjectName("shop", "stock")); err != nil {
		t.Errorf("another key waits for the writes of orders: %v", err)
	}
	secrets.version = "6"
	if err := gate.Ready(orders); err != nil {
		t.Errorf("Ready = %v after both stores caught up", err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	gate := NewGate(map[string]Store{"pods": &fakeStore{version: "1"}})
	gate.Wrote(orders, "pods", "2")
	gate.Forget(orders)
	if err := gate.Ready(orders); err != nil {
		t.Errorf("Ready = %v after Forget", err)
	}
}

// TestInformerStore holds the assumption that client-go's own store tracks versions as the gate reads them.
func TestInformerStore(t *testing.T) {
	t.Parallel()
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	gate := NewGate(map[string]Store{"pods": store})
	first := pod("a", false)["shop/orders-db-0"]
	first.ResourceVersion = "5"
	if err := store.Add(first); err != nil {
		t.Fatal(err)
	}
	gate.Wrote(orders, "pods", "6")
	if err := gate.Ready(orders); err == nil {
		t.Error("Ready = nil while the store has seen only version 5")
	}
	second := first.DeepCopy()
	second.ResourceVersion = "6"
	if err := store.Update(second); err != nil {
		t.Fatal(err)
	}
	if err := gate.Ready(orders); err != nil {
		t.Errorf("Ready = %v after the store has seen version 6", err)
	}
}

func TestKeysAreConcurrent(t *testing.T) {
	t.Parallel()
	gate := NewGate(map[string]Store{"pods": &fakeStore{version: "50"}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := cache.NewObjectName("shop", strconv.Itoa(i))
			for rv := range 100 {
				gate.Wrote(key, "pods", strconv.Itoa(rv+1))
				_ = gate.Ready(key)
			}
			if err := gate.Ready(key); err == nil {
				t.Errorf("key %s is ready, though it wrote version 100 and the store is at 50", key)
			}
		})
	}
	wg.Wait()
}
