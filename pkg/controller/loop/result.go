// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/consistency"
)

// Result is what a sync that did not fail asks of the loop.
type Result struct {
	// RequeueAfter asks for another sync after this long, for what only time can bring about. Zero asks for none: the
	// next event wakes the key.
	RequeueAfter time.Duration
}

// TerminalError says that trying again cannot help until somebody edits the object, for instance because its spec is
// refused. The sync that returns it has already told the user, by a condition and an event.
type TerminalError struct {
	// Reason is the reason of that condition, one CamelCase word.
	Reason string
	// Err is what went wrong.
	Err error
}

// Error returns the reason and what went wrong.
func (e *TerminalError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap returns what went wrong.
func (e *TerminalError) Unwrap() error { return e.Err }

// panicError is a panic of a sync, as an error.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// outcome is a sync's result in one word; it is a metric label, so the list is closed.
type outcome string

const (
	succeeded outcome = "success"
	// retried is what optimistic concurrency costs: nobody is at fault, and a fresher cache mends it.
	retried outcome = "retry"
	// delayed is the API server asking for patience.
	delayed outcome = "delayed"
	// terminal waits for an edit.
	terminal outcome = "terminal"
	// forgotten is a key whose namespace is going away, or whose sync was cut off by shutdown.
	forgotten outcome = "forgotten"
	failed    outcome = "error"
	panicked  outcome = "panic"
)

// classify finds the word for err. ctx is the context of all syncs: once it is cancelled every error is its echo.
func classify(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return succeeded
	case ctx.Err() != nil, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return forgotten
	case isStale(err), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return retried
	case clientDelay(err) > 0:
		return delayed
	case isType[*TerminalError](err):
		return terminal
	case isType[*panicError](err):
		return panicked
	default:
		return failed
	}
}

// settle does with key what the outcome of its sync asks for.
//
//	success            Forget, and AddAfter where the sync asked for it
//	retry              AddRateLimited, quietly
//	delayed            AddAfter what the server said
//	terminal           Forget: the next edit is an event
//	forgotten          Forget
//	error, panic       AddRateLimited for ever, and one line of log
func (l *Loop) settle(ctx context.Context, key cache.ObjectName, result Result, err error) outcome {
	logger := klog.FromContext(ctx)
	what := classify(ctx, err)
	switch what {
	case succeeded:
		l.queue.Forget(key)
		if result.RequeueAfter > 0 {
			l.queue.AddAfter(key, result.RequeueAfter)
		}
		logger.V(4).Info("Synced", "requeueAfter", result.RequeueAfter)
	case retried:
		l.queue.AddRateLimited(key)
		logger.V(4).Info("Sync met a newer object and will be repeated", "reason", err)
	case delayed:
		l.queue.AddAfter(key, clientDelay(err))
		logger.V(2).Info("API server asked for a later sync", "delay", clientDelay(err), "reason", err)
	case terminal, forgotten:
		l.queue.Forget(key)
		logger.V(4).Info("Sync was given up until the next event", "outcome", what, "reason", err)
	case panicked, failed:
		l.queue.AddRateLimited(key)
		report(logger, err)
	}
	return what
}

// report is the one place where the error of a sync is logged. utilruntime.HandleErrorWithContext is not used because
// it sleeps to hold all errors of the process to one a millisecond: the failures of one cluster would then slow others.
func report(logger klog.Logger, err error) {
	if crash, ok := errors.AsType[*panicError](err); ok {
		logger.Error(err, "Sync panicked and will be retried", "stack", string(crash.stack))
		return
	}
	logger.Error(err, "Sync failed and will be retried")
}

// clientDelay is how long the API server asked to wait, or zero.
func clientDelay(err error) time.Duration {
	seconds, ok := apierrors.SuggestsClientDelay(err)
	if !ok {
		return 0
	}
	// A server timeout may suggest zero seconds; taken literally that is a hot loop.
	return time.Duration(max(seconds, 1)) * time.Second
}

func isStale(err error) bool { return isType[*consistency.StaleError](err) }

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
