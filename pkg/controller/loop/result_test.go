// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"

	"github.com/atlasdb/atlasdb/pkg/consistency"
)

// fakeQueue records what was done with the key.
type fakeQueue struct {
	forgotten, rateLimited bool
	after                  time.Duration
}

func (q *fakeQueue) Add(cache.ObjectName)                             {}
func (q *fakeQueue) AddAfter(_ cache.ObjectName, delay time.Duration) { q.after = delay }
func (q *fakeQueue) AddRateLimited(cache.ObjectName)                  { q.rateLimited = true }
func (q *fakeQueue) Done(cache.ObjectName)                            {}
func (q *fakeQueue) Forget(cache.ObjectName)                          { q.forgotten = true }
func (q *fakeQueue) Get() (key cache.ObjectName, shutdown bool)       { return key, true }
func (q *fakeQueue) Len() int                                         { return 0 }
func (q *fakeQueue) NumRequeues(cache.ObjectName) int                 { return 0 }
func (q *fakeQueue) ShutDown()                                        {}
func (q *fakeQueue) ShutDownWithDrain()                               {}
func (q *fakeQueue) ShuttingDown() bool                               { return false }

func TestSettle(t *testing.T) {
	t.Parallel()
	pods := schema.GroupResource{Resource: "pods"}
	terminating := apierrors.NewForbidden(pods, "orders-db-0", errors.New("namespace is going away"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, test := range map[string]struct {
		result  Result
		err     error
		aborted bool
		want    outcome
		queue   fakeQueue
	}{
		"success": {want: succeeded, queue: fakeQueue{forgotten: true}},
		"success that waits": {
			result: Result{RequeueAfter: time.Minute},
			want:   succeeded, queue: fakeQueue{forgotten: true, after: time.Minute},
		},
		"stale cache": {err: &consistency.StaleError{Resource: "pods"}, want: retried, queue: fakeQueue{rateLimited: true}},
		"conflict": {
			err:  apierrors.NewConflict(pods, "orders-db-0", errors.New("modified")),
			want: retried, queue: fakeQueue{rateLimited: true},
		},
		"already exists": {
			err: apierrors.NewAlreadyExists(pods, "orders-db-0"), want: retried, queue: fakeQueue{rateLimited: true},
		},
		"too many requests": {
			err: apierrors.NewTooManyRequests("busy", 7), want: delayed, queue: fakeQueue{after: 7 * time.Second},
		},
		"server timeout that suggests no delay": {
			err: apierrors.NewServerTimeout(pods, "create", 0), want: delayed, queue: fakeQueue{after: time.Second},
		},
		"terminal": {
			err:  &TerminalError{Reason: "Invalid", Err: errors.New("no such version")},
			want: terminal, queue: fakeQueue{forgotten: true},
		},
		"terminal beside a conflict: the status was not written": {
			err: errors.Join(&TerminalError{Reason: "Invalid", Err: errors.New("no such version")},
				apierrors.NewConflict(pods, "orders", errors.New("modified"))),
			want: retried, queue: fakeQueue{rateLimited: true},
		},
		"namespace terminating": {err: terminating, want: forgotten, queue: fakeQueue{forgotten: true}},
		"forbidden": {
			err: apierrors.NewForbidden(pods, "orders-db-0", nil), want: failed, queue: fakeQueue{rateLimited: true},
		},
		"shutdown":      {err: errors.New("any"), aborted: true, want: forgotten, queue: fakeQueue{forgotten: true}},
		"timeout":       {err: context.DeadlineExceeded, want: failed, queue: fakeQueue{rateLimited: true}},
		"anything else": {err: errors.New("any"), want: failed, queue: fakeQueue{rateLimited: true}},
		"panic":         {err: &panicError{value: "bug"}, want: panicked, queue: fakeQueue{rateLimited: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ctx := ktesting.NewTestContext(t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if test.aborted {
				cancel()
			}
			queue := &fakeQueue{}
			l := &Loop{queue: queue}
			err := test.err
			if err != nil {
				err = fmt.Errorf("act: %w", err) // every error arrives wrapped
			}
			if got := l.settle(ctx, orders, test.result, err); got != test.want {
				t.Errorf("outcome = %q, want %q", got, test.want)
			}
			if *queue != test.queue {
				t.Errorf("queue = %+v, want %+v", *queue, test.queue)
			}
		})
	}
}
