// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// lister lists and watches objects of one type; every generated client is one.
type lister[L runtime.Object] interface {
	List(ctx context.Context, o metav1.ListOptions) (L, error)
	Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
}

// AwaitObject watches one object until it is there and as wanted, and gives an error when it was not in time.
func AwaitObject[L runtime.Object, O runtime.Object](
	ctx context.Context, client lister[L], name string, wanted func(O) bool,
) error {
	ctx, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	one := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		return o
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, one(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.Watch(ctx, one(o))
		},
	}
	var kind O
	_, err := watchtools.UntilWithSync(ctx, source, kind, nil, func(e watch.Event) (bool, error) {
		o, ok := e.Object.(O)
		return ok && e.Type != watch.Deleted && wanted(o), nil
	})
	return err
}

// Await watches a cluster until it is as wanted.
func (f *Frame) Await(name, what string, wanted func(*v1alpha1.DatabaseCluster) bool) *v1alpha1.DatabaseCluster {
	f.Helper()
	var last *v1alpha1.DatabaseCluster
	err := AwaitObject(f.Context(), f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS), name,
		func(c *v1alpha1.DatabaseCluster) bool { last = c; return wanted(c) })
	if err != nil {
		f.Fatalf("waiting for %s of %s: %v\n%s", what, name, err, story(last))
	}
	f.Step("%s: %s", name, what)
	return last
}

// story is a cluster in a few lines, for the first look at a failure; the dump has the rest.
func story(c *v1alpha1.DatabaseCluster) string {
	if c == nil {
		return "it was never seen"
	}
	lines := []string{fmt.Sprintf("generation %d, observed %d, primary %q, %d of %d ready", c.Generation,
		c.Status.ObservedGeneration, c.Status.Primary, c.Status.ReadyMembers, c.Spec.Members)}
	for _, cond := range c.Status.Conditions {
		lines = append(lines, fmt.Sprintf("%s=%s/%s: %s", cond.Type, cond.Status, cond.Reason, cond.Message))
	}
	return strings.Join(lines, "\n")
}

// AwaitReady waits until the newest spec is Ready with all the members of all its shards.
func (f *Frame) AwaitReady(name string) *v1alpha1.DatabaseCluster {
	f.Helper()
	return f.Await(name, "Ready", func(c *v1alpha1.DatabaseCluster) bool {
		ready, members := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady), c.Spec.Members
		if c.Spec.Shards != nil {
			members *= *c.Spec.Shards
		}
		return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == c.Generation &&
			c.Status.ReadyMembers == members && c.Status.Members == members
	})
}

// AwaitReason waits until a condition has a reason, and its message the given words.
func (f *Frame) AwaitReason(name, condition, reason, words string) {
	f.Helper()
	f.Await(name, condition+"/"+reason, func(c *v1alpha1.DatabaseCluster) bool {
		got := meta.FindStatusCondition(c.Status.Conditions, condition)
		return got != nil && got.Reason == reason && strings.Contains(got.Message, words)
	})
}

// Eventually tries something that cannot be watched, such as a statement on a database that restarts.
func (f *Frame) Eventually(what string, try func(context.Context) error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), Deadline)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			f.Step("%s", what)
			return
		}
		if ctx.Err() == nil || last == nil { // the try that the deadline cut short says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			f.Fatalf("%s: %v", what, last)
		case <-tick.C:
		}
	}
}
