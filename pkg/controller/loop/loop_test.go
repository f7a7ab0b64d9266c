// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"
)

var orders = cache.NewObjectName("shop", "orders")

// observations records what a loop reported.
type observations struct {
	mu      sync.Mutex
	results []string
}

func (o *observations) ObserveSync(_, result string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results = append(o.results, result)
}

func (o *observations) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.results, " ")
}

// start runs a loop in a synctest bubble and returns it with a stop that waits for Run to return.
func start(t *testing.T, workers int, opts Options) (*Loop, func()) {
	t.Helper()
	_, ctx := ktesting.NewTestContext(t)
	ctx, cancel := context.WithCancel(ctx)
	l := New(opts)
	var wg sync.WaitGroup
	wg.Go(func() { l.Run(ctx, workers) })
	return l, func() { cancel(); wg.Wait() }
}

func TestEventsAboutOneKeyAreOneSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int32
		release := make(chan struct{})
		l, stop := start(t, 4, Options{Name: "test", DrainTimeout: time.Second,
			Sync: func(context.Context, cache.ObjectName) (Result, error) {
				syncs.Add(1)
				<-release
				return Result{}, nil
			}})
		for range 10 {
			l.Enqueue(orders)
		}
		synctest.Wait()
		l.Enqueue(orders) // arrives while the key is in flight: one more sync after it, not beside it
		synctest.Wait()
		if got := syncs.Load(); got != 1 {
			t.Errorf("syncs in flight for one key = %d, want 1", got)
		}
		close(release)
		synctest.Wait()
		if got := syncs.Load(); got != 2 {
			t.Errorf("syncs = %d, want 2", got)
		}
		stop()
	})
}

func TestRequeueAfterWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		l, stop := start(t, 1, Options{Name: "test", Sync: func(context.Context, cache.ObjectName) (Result, error) {
			at = append(at, time.Since(began))
			if len(at) == 1 {
				return Result{RequeueAfter: 10 * time.Second}, nil
			}
			return Result{}, nil
		}})
		l.Enqueue(orders)
		time.Sleep(time.Hour)
		stop()
		if !slices.Equal(at, []time.Duration{0, 10 * time.Second}) {
			t.Errorf("syncs at %v, want [0s 10s]", at)
		}
	})
}

func TestFailuresBackOffToThirtySecondsAndAreNeverDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var last time.Time
		var gap time.Duration
		var syncs int
		seen := &observations{}
		l, stop := start(t, 1, Options{Name: "test", Observer: seen,
			Sync: func(context.Context, cache.ObjectName) (Result, error) {
				gap, last = time.Since(last), time.Now()
				syncs++
				if syncs == 50 {
					return Result{}, nil
				}
				return Result{}, errors.New("quota exceeded")
			}})
		l.Enqueue(orders)
		time.Sleep(time.Hour)
		stop()
		if syncs != 50 || gap != maxBackoff {
			t.Errorf("%d syncs, the last after %s; want 50 and %s", syncs, gap, maxBackoff)
		}
		if n := l.queue.NumRequeues(orders); n != 0 {
			t.Errorf("a success left %d failures on the key", n)
		}
		if !strings.HasSuffix(seen.String(), "error success") {
			t.Errorf("observed %q", seen)
		}
	})
}

func TestPanicCostsOnlyItsOwnKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := &observations{}
		tries := map[cache.ObjectName]int{}
		l, stop := start(t, 1, Options{Name: "test", Observer: seen,
			Sync: func(_ context.Context, key cache.ObjectName) (Result, error) {
				tries[key]++
				if key == orders && tries[key] == 1 {
					panic("nil map")
				}
				return Result{}, nil
			}})
		l.Enqueue(orders)
		l.Enqueue(cache.NewObjectName("shop", "stock"))
		time.Sleep(time.Second)
		stop()
		if !slices.Equal(seen.results, []string{"panic", "success", "success"}) {
			t.Errorf("observed %q, want a panic, then the other key, then the retry", seen)
		}
		if tries[orders] != 2 {
			t.Errorf("the key that panicked was tried %d times, want 2", tries[orders])
		}
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	const drain = 20 * time.Second
	for name, test := range map[string]struct {
		work time.Duration // what the sync in flight still has to do when the context ends
		want time.Duration // when Run returns
		err  error         // what the sync sees of its context
	}{
		"a sync in flight finishes":       {work: 3 * time.Second, want: 3 * time.Second},
		"a sync too long is cut off":      {work: time.Hour, want: drain, err: context.Canceled},
		"nothing in flight, nothing lost": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var syncs atomic.Int32
				var seen error
				l, stop := start(t, 1, Options{Name: "test", DrainTimeout: drain,
					Sync: func(ctx context.Context, _ cache.ObjectName) (Result, error) {
						syncs.Add(1)
						select {
						case <-time.After(test.work):
						case <-ctx.Done():
							seen = ctx.Err()
						}
						return Result{}, seen
					}})
				l.Enqueue(orders)
				l.Enqueue(cache.NewObjectName("shop", "stock")) // waits behind orders and must not be begun any more
				if test.work == 0 {
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				before, began := syncs.Load(), time.Now()
				stop()
				if took := time.Since(began); took != test.want {
					t.Errorf("Run returned after %s, want %s", took, test.want)
				}
				if !errors.Is(seen, test.err) {
					t.Errorf("sync in flight saw %v, want %v", seen, test.err)
				}
				if after := syncs.Load(); after != before {
					t.Errorf("%d syncs began after the context had ended", after-before)
				}
			})
		})
	}
}

func TestCheckTellsAWedgedWorkerFromABusyOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l, stop := start(t, 1, Options{Name: "test",
			Sync: func(context.Context, cache.ObjectName) (Result, error) {
				<-release // deaf to its context
				return Result{}, nil
			}})
		l.Enqueue(orders)
		time.Sleep(wedgedAfter)
		if err := l.Check(); err != nil {
			t.Errorf("Check after %s = %v, want nil", wedgedAfter, err)
		}
		time.Sleep(time.Second)
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), "shop/orders") {
			t.Errorf("Check = %v, want an error that names shop/orders", err)
		}
		close(release)
		synctest.Wait()
		if err := l.Check(); err != nil {
			t.Errorf("Check after the sync = %v, want nil", err)
		}
		stop()
	})
}

func TestSyncIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := &observations{}
		l, stop := start(t, 1, Options{Name: "test", Observer: seen,
			Sync: func(ctx context.Context, _ cache.ObjectName) (Result, error) {
				<-ctx.Done()
				return Result{}, ctx.Err()
			}})
		l.Enqueue(orders)
		time.Sleep(syncTimeout + time.Millisecond)
		if got := seen.String(); got != "error" {
			t.Errorf("observed %q, want a timed-out sync to be an error that is retried", got)
		}
		stop()
	})
}
