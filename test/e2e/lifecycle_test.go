// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestWhatStandsBesideThePrimaryMayDie ends what is no primary: a replica's pod, the agent, the operator.
func TestWhatStandsBesideThePrimaryMayDie(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 3)
	primary := f.AwaitReady("orders").Status.Primary
	f.write("orders", 1000)
	f.mustHave("orders", "orders-ro", 1000)

	for name := range f.Pods() {
		if name != primary {
			f.DeletePod(name)
			break
		}
	}
	f.AwaitReady("orders")
	f.mustHave("orders", "orders-rw", 1000)

	f.Exec(primary, "bash", "-c", "kill 1")
	f.Step("ended the agent")
	f.mustHave("orders", "orders-rw", 1000)
	f.AwaitReady("orders")

	f.restartOperator()
	f.Change("orders", `{"members":2}`)
	f.AwaitReady("orders")
	f.mustHave("orders", "orders-ro", 1000)
}

// TestDeletedObjectsComeBack deletes each object that a cluster is made of. Secrets that hold something random come
// back as others, so they are a matter of their own.
func TestDeletedObjectsComeBack(t *testing.T) {
	f := newFixture(t)
	f.newCluster("orders", 2)
	f.AwaitReady("orders")
	f.write("orders", 10)
	core, none := f.Kube.CoreV1(), metav1.DeleteOptions{}
	rbac, policy, network := f.Kube.RbacV1(), f.Kube.PolicyV1(), f.Kube.NetworkingV1()
	ctx := t.Context()
	for what, remove := range map[string]func() error{
		"Service rw":          func() error { return core.Services(f.NS).Delete(ctx, "orders-rw", none) },
		"Service ro":          func() error { return core.Services(f.NS).Delete(ctx, "orders-ro", none) },
		"Service headless":    func() error { return core.Services(f.NS).Delete(ctx, "orders-db", none) },
		"Secret plan":         func() error { return core.Secrets(f.NS).Delete(ctx, "orders-db-plan", none) },
		"ServiceAccount":      func() error { return core.ServiceAccounts(f.NS).Delete(ctx, "orders-db", none) },
		"Role":                func() error { return rbac.Roles(f.NS).Delete(ctx, "orders-db", none) },
		"RoleBinding":         func() error { return rbac.RoleBindings(f.NS).Delete(ctx, "orders-db", none) },
		"PodDisruptionBudget": func() error { return policy.PodDisruptionBudgets(f.NS).Delete(ctx, "orders-db", none) },
		"NetworkPolicy":       func() error { return network.NetworkPolicies(f.NS).Delete(ctx, "orders-db", none) },
		"Lease":               func() error { return f.Kube.CoordinationV1().Leases(f.NS).Delete(ctx, "orders-db", none) },
	} {
		before := f.Objects(ctx, "orders")
		f.Must(remove())
		f.Eventually(what+" is back", func(ctx context.Context) error {
			if now := f.Objects(ctx, "orders"); now != before {
				return fmt.Errorf("objects %q, want %q", now, before)
			}
			return nil
		})
	}
	f.mustHave("orders", "orders-rw", 10)
	f.AwaitReady("orders")
}

func (f *fixture) restartOperator() {
	f.Helper()
	pods := f.Kube.CoreV1().Pods("atlasdb-system")
	operators := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=atlasdb-operator"}
	old, err := pods.List(f.Context(), operators)
	f.Must(err)
	f.Must(pods.DeleteCollection(f.Context(), metav1.DeleteOptions{}, operators))
	f.Eventually("restarted the operator", func(ctx context.Context) error {
		now, err := pods.List(ctx, operators)
		if err != nil {
			return err
		}
		ready := 0
		for _, p := range now.Items {
			if slices.ContainsFunc(old.Items, func(o corev1.Pod) bool { return o.UID == p.UID }) {
				return fmt.Errorf("%s is still there", p.Name)
			}
			if slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			}) {
				ready++
			}
		}
		if ready != len(old.Items) {
			return fmt.Errorf("%d of %d are ready", ready, len(old.Items))
		}
		return nil
	})
}

// TestTroublesAreTold applies what cannot work, and reads what a stranger would read.
func TestTroublesAreTold(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	stranger, err := f.Kube.CoreV1().Services(f.NS).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "clash-rw"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}, metav1.CreateOptions{})
	f.Must(err)
	f.newCluster("clash", 1)
	f.newCluster("noclass", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Storage.ClassName = new("nowhere") })
	f.newCluster("huge", 1, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Resources.Requests[corev1.ResourceMemory] = quantity("500Gi")
	})
	f.newCluster("nover", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Version = "16" })
	f.newCluster("sharded", 1, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Engine, c.Spec.Version, c.Spec.Shards = v1alpha1.EngineMongoDB, "8", new(int32(2))
	})
	f.newCluster("owned", 1, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Parameters = map[string]v1alpha1.ParameterValue{"listen_addresses": "*"}
	})
	f.AwaitReason("clash", v1alpha1.ConditionReady, v1alpha1.ReasonNameConflict, `Service "clash-rw"`)
	f.AwaitReason("noclass", v1alpha1.ConditionReady, v1alpha1.ReasonVolumePending, "noclass-db-0")
	f.AwaitReason("huge", v1alpha1.ConditionReady, v1alpha1.ReasonUnschedulable, "Insufficient memory")
	f.AwaitReason("nover", v1alpha1.ConditionAccepted, v1alpha1.ReasonVersionNotOffered, "17.")
	f.AwaitReason("sharded", v1alpha1.ConditionAccepted, v1alpha1.ReasonUnsupported, "spec.shards")
	f.AwaitReason("owned", v1alpha1.ConditionAccepted, v1alpha1.ReasonInvalid, "listen_addresses")

	now, err := f.Kube.CoreV1().Services(f.NS).Get(ctx, "clash-rw", metav1.GetOptions{})
	f.Must(err)
	if now.ResourceVersion != stranger.ResourceVersion {
		t.Errorf("the stranger's Service was written to: %+v", now.ObjectMeta)
	}
}

// TestAFullQuotaIsTold holds a cluster up by a quota, and lets it go on when there is room.
func TestAFullQuotaIsTold(t *testing.T) {
	f := newFixture(t)
	quotas := f.Kube.CoreV1().ResourceQuotas(f.NS)
	_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: quantity("0")}},
	}, metav1.CreateOptions{})
	f.Must(err)
	f.newCluster("orders", 1)
	f.AwaitReason("orders", v1alpha1.ConditionReady, v1alpha1.ReasonQuotaExceeded, "pods")
	f.Must(quotas.Delete(t.Context(), "none", metav1.DeleteOptions{}))
	f.AwaitReady("orders")
}

// TestAnImageThatCannotBePulledIsTold offers a version whose image nobody has.
func TestAnImageThatCannotBePulledIsTold(t *testing.T) {
	f := newFixture(t)
	offers := f.Atlas.AtlasDBV1alpha1().DatabaseEngines()
	patch := func(verb, value string) {
		t.Helper()
		_, err := offers.Patch(context.WithoutCancel(t.Context()), "postgresql", types.JSONPatchType,
			fmt.Appendf(nil, `[{"op":%q,"path":"/spec/versions/0"%s}]`, verb, value), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	patch("add", `,"value":{"name":"17.999","image":"localhost/postgres:nowhere","lifecycle":"Deprecated"}`)
	t.Cleanup(func() { patch("remove", "") })
	f.newCluster("orders", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Version = "17.999" })
	f.AwaitReason("orders", v1alpha1.ConditionReady, v1alpha1.ReasonImagePullFailed, "localhost/postgres:nowhere")
}
