// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Small is a cluster that needs little.
func Small(name string, engine v1alpha1.EngineType, version string, members int32) *v1alpha1.DatabaseCluster {
	return &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: engine, Version: version, Members: members,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
			Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("256Mi"),
			}},
		},
	}
}

// Create applies a cluster.
func (f *Frame) Create(c *v1alpha1.DatabaseCluster) {
	f.Helper()
	_, err := f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).Create(f.Context(), c, metav1.CreateOptions{})
	f.Must(err)
}

// DeleteKeepingVolumes deletes a cluster and waits until its volumes, whose claims have these names, are all that is
// left of it.
func (f *Frame) DeleteKeepingVolumes(name string, claims ...string) {
	f.Helper()
	f.Must(f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).Delete(f.Context(), name, metav1.DeleteOptions{}))
	var want strings.Builder
	for _, c := range claims {
		want.WriteString("persistentvolumeclaim/" + c + "\n")
	}
	f.Eventually("everything but the volumes is gone", func(ctx context.Context) error {
		if left := f.Objects(ctx, name); left != want.String() {
			return fmt.Errorf("left is %q, want %q", left, want.String())
		}
		pods, err := f.Kube.CoreV1().Pods(f.NS).List(ctx, metav1.ListOptions{
			LabelSelector: v1alpha1.LabelCluster + "=" + name,
		})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods are left", len(pods.Items))
		}
		return err
	})
}

// Change edits the spec of a cluster by a JSON merge patch.
func (f *Frame) Change(name, patch string) {
	f.Helper()
	_, err := f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).Patch(f.Context(), name, types.MergePatchType,
		[]byte(`{"spec":`+patch+`}`), metav1.PatchOptions{})
	f.Must(err)
	f.Step("%s: changed %s", name, patch)
}

// Operate asks for an operation and waits for its end. It gives the reason of the condition Complete.
func (f *Frame) Operate(spec v1alpha1.DatabaseOperationSpec) (reason, message string) {
	f.Helper()
	operations := f.Atlas.AtlasDBV1alpha1().DatabaseOperations(f.NS)
	made, err := operations.Create(f.Context(), &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "op-"}, Spec: spec,
	}, metav1.CreateOptions{})
	f.Must(err)
	err = AwaitObject(f.Context(), operations, made.Name, func(o *v1alpha1.DatabaseOperation) bool {
		made = o
		return o.Status.CompletionTime != nil
	})
	if err != nil {
		f.Fatalf("waiting for the end of %s: %v; conditions are %+v", spec.Type, err, made.Status.Conditions)
	}
	c := meta.FindStatusCondition(made.Status.Conditions, v1alpha1.ConditionComplete)
	f.Step("%s: %s, %s", spec.Type, c.Reason, c.Message)
	return c.Reason, c.Message
}

// SwitchOver makes a member the primary, and checks what status tells of it. Of shards it tells whose primary a member
// is, and no more.
func (f *Frame) SwitchOver(name, target string) {
	f.Helper()
	from, leased := f.Primary(name), f.hasLease(name)
	reason, message := f.Operate(v1alpha1.DatabaseOperationSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: name}, Type: v1alpha1.OperationSwitchover,
		Switchover: &v1alpha1.SwitchoverOperation{Target: target},
	})
	if reason != v1alpha1.ReasonComplete {
		f.Fatalf("switchover to %s ended with %s: %s", target, reason, message)
	}
	f.Await(name, "primary is "+target, func(c *v1alpha1.DatabaseCluster) bool {
		if c.Spec.Shards != nil {
			return slices.Contains(primaries(c), target)
		}
		l := c.Status.LastFailover
		told := l != nil && l.From == from && l.To == target && l.Reason == "Switchover"
		return c.Status.Primary == target && (told || !leased)
	})
}

// hasLease says whether who is primary has a Lease; of others status tells no last failover.
func (f *Frame) hasLease(name string) bool {
	f.Helper()
	_, err := f.Kube.CoordinationV1().Leases(f.NS).Get(f.Context(), name+"-db", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		f.Must(err)
	}
	return err == nil
}

// Primary is the primary as status tells.
func (f *Frame) Primary(name string) string {
	f.Helper()
	c, err := f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).Get(f.Context(), name, metav1.GetOptions{})
	f.Must(err)
	return c.Status.Primary
}

// Primaries are the members that are primary now, one of each shard.
func (f *Frame) Primaries(name string) []string {
	f.Helper()
	c, err := f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).Get(f.Context(), name, metav1.GetOptions{})
	f.Must(err)
	return primaries(c)
}

func primaries(c *v1alpha1.DatabaseCluster) (names []string) {
	for _, m := range c.Status.MemberStatuses {
		if m.Component == "" && m.Role == v1alpha1.RolePrimary {
			names = append(names, m.Name)
		}
	}
	return names
}

// Resync makes the operator look at every cluster of an engine: an edit of their DatabaseEngine concerns them all.
func (f *Frame) Resync(engine v1alpha1.EngineType) {
	f.Helper()
	_, err := f.Atlas.AtlasDBV1alpha1().DatabaseEngines().Patch(f.Context(), strings.ToLower(string(engine)),
		types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"e2e/resync":%q}}}`, rightNow()),
		metav1.PatchOptions{})
	f.Must(err)
	f.Step("had every cluster looked at")
}
