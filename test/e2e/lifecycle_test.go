// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestLifecycle is the life of one database: born, written to, hurt in every way that must not matter, grown, shrunk,
// deleted, and found again.
func TestLifecycle(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 3)
	f.awaitReady("orders")
	f.write("orders", 1000)
	f.mustHave("orders", "orders-ro", 1000)

	for _, pod := range []string{"orders-db-1", "orders-db-0"} {
		f.deletePod(pod)
		f.awaitReady("orders")
		f.mustHave("orders", "orders-rw", 1000)
	}

	f.exec("orders-db-0", "bash", "-c", "kill -9 $(head -1 /var/lib/atlasdb/pgdata/postmaster.pid)")
	f.step("killed postgres with -9")
	f.mustHave("orders", "orders-rw", 1000)
	f.exec("orders-db-0", "bash", "-c", "kill 1")
	f.step("ended the agent")
	f.mustHave("orders", "orders-rw", 1000)
	f.awaitReady("orders")

	f.restartOperator()
	f.scale("orders", 2)
	f.awaitReady("orders")
	volumes := f.kube.CoreV1().PersistentVolumeClaims(f.ns)
	if _, err := volumes.Get(t.Context(), "orders-db-2", metav1.GetOptions{}); err != nil {
		t.Errorf("the volume of the removed member: %v, want it kept", err)
	}
	f.scale("orders", 3)
	f.awaitReady("orders")
	f.mustHave("orders", "orders-ro", 1000)

	f.must(f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns).Delete(t.Context(), "orders", metav1.DeleteOptions{}))
	f.eventually("everything but the volumes is gone", f.onlyVolumesAreLeft)
	f.newCluster("orders", 3)
	f.awaitReady("orders")
	f.mustHave("orders", "orders-rw", 1000)
}

// TestDeletedObjectsComeBack deletes each object that a cluster is made of. Secrets that hold something random come
// back as others, so they are a matter of their own.
func TestDeletedObjectsComeBack(t *testing.T) {
	f := newFrame(t)
	f.newCluster("orders", 2)
	f.awaitReady("orders")
	f.write("orders", 10)
	core, none := f.kube.CoreV1(), metav1.DeleteOptions{}
	rbac, policy, network := f.kube.RbacV1(), f.kube.PolicyV1(), f.kube.NetworkingV1()
	ctx := t.Context()
	for what, remove := range map[string]func() error{
		"Service rw":          func() error { return core.Services(f.ns).Delete(ctx, "orders-rw", none) },
		"Service ro":          func() error { return core.Services(f.ns).Delete(ctx, "orders-ro", none) },
		"Service headless":    func() error { return core.Services(f.ns).Delete(ctx, "orders-db", none) },
		"Secret plan":         func() error { return core.Secrets(f.ns).Delete(ctx, "orders-db-plan", none) },
		"ServiceAccount":      func() error { return core.ServiceAccounts(f.ns).Delete(ctx, "orders-db", none) },
		"Role":                func() error { return rbac.Roles(f.ns).Delete(ctx, "orders-db", none) },
		"RoleBinding":         func() error { return rbac.RoleBindings(f.ns).Delete(ctx, "orders-db", none) },
		"PodDisruptionBudget": func() error { return policy.PodDisruptionBudgets(f.ns).Delete(ctx, "orders-db", none) },
		"NetworkPolicy":       func() error { return network.NetworkPolicies(f.ns).Delete(ctx, "orders-db", none) },
		"Lease":               func() error { return f.kube.CoordinationV1().Leases(f.ns).Delete(ctx, "orders-db", none) },
	} {
		before := f.objects(ctx)
		f.must(remove())
		f.eventually(what+" is back", func(ctx context.Context) error {
			if now := f.objects(ctx); now != before {
				return fmt.Errorf("objects %q, want %q", now, before)
			}
			return nil
		})
	}
	f.mustHave("orders", "orders-rw", 10)
	f.awaitReady("orders")
}

// objects lists what a cluster is made of by name, so that two moments can be compared.
func (f *frame) objects(ctx context.Context) string {
	f.Helper()
	var all bytes.Buffer
	cmd := exec.CommandContext(ctx, os.Getenv("KUBECTL"), "get", "-n", f.ns, "-l", "atlasdb.io/cluster=orders",
		"-o", "name", "services,secrets,roles,rolebindings,serviceaccounts,poddisruptionbudgets,networkpolicies,leases,pvc")
	cmd.Stdout, cmd.Stderr = &all, os.Stderr
	f.must(cmd.Run())
	return all.String()
}

// deletePod deletes a pod and waits until another of its name runs.
func (f *frame) deletePod(name string) {
	f.Helper()
	pods := f.kube.CoreV1().Pods(f.ns)
	old, err := pods.Get(f.Context(), name, metav1.GetOptions{})
	f.must(err)
	f.must(pods.Delete(f.Context(), name, metav1.DeleteOptions{}))
	f.eventually("deleted pod "+name+", and another is there", func(ctx context.Context) error {
		now, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err == nil && now.UID == old.UID {
			err = errors.New("still there")
		}
		return err
	})
}

// exec runs a program in the engine's container. A signal that kills the session with its target is no failure.
func (f *frame) exec(pod string, argv ...string) {
	f.Helper()
	args := append([]string{"exec", "-n", f.ns, pod, "-c", "engine", "--"}, argv...)
	if out, err := exec.CommandContext(f.Context(), os.Getenv("KUBECTL"), args...).CombinedOutput(); err != nil {
		f.Logf("exec in %s: %v: %s", pod, err, out)
	}
}

func (f *frame) restartOperator() {
	f.Helper()
	pods := f.kube.CoreV1().Pods("atlasdb-system")
	operators := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=atlasdb-operator"}
	old, err := pods.List(f.Context(), operators)
	f.must(err)
	f.must(pods.DeleteCollection(f.Context(), metav1.DeleteOptions{}, operators))
	f.eventually("restarted the operator", func(ctx context.Context) error {
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

// scale goes through the scale subresource, as `kubectl scale` and autoscalers do.
func (f *frame) scale(name string, members int) {
	f.Helper()
	out, err := exec.CommandContext(f.Context(), os.Getenv("KUBECTL"), "scale", "-n", f.ns, "adb/"+name,
		fmt.Sprintf("--replicas=%d", members)).CombinedOutput()
	if err != nil {
		f.Fatalf("scaling: %v: %s", err, out)
	}
	f.step("scaled %s to %d", name, members)
}

func (f *frame) onlyVolumesAreLeft(ctx context.Context) error {
	if left := f.objects(ctx); left != "persistentvolumeclaim/orders-db-0\npersistentvolumeclaim/orders-db-1\n"+
		"persistentvolumeclaim/orders-db-2\n" {
		return fmt.Errorf("left is %q", left)
	}
	pods, err := f.kube.CoreV1().Pods(f.ns).List(ctx, metav1.ListOptions{})
	if err == nil && len(pods.Items) > 0 {
		err = fmt.Errorf("%d pods are left", len(pods.Items))
	}
	return err
}

// TestTroublesAreTold applies what cannot work, and reads what a stranger would read.
func TestTroublesAreTold(t *testing.T) {
	f := newFrame(t)
	ctx := t.Context()
	stranger, err := f.kube.CoreV1().Services(f.ns).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "clash-rw"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}, metav1.CreateOptions{})
	f.must(err)
	f.newCluster("clash", 1)
	f.newCluster("noclass", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Storage.ClassName = new("nowhere") })
	f.newCluster("huge", 1, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Resources.Requests[corev1.ResourceMemory] = quantity("500Gi")
	})
	f.newCluster("nover", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Version = "16" })
	f.newCluster("redis", 1, func(c *v1alpha1.DatabaseCluster) { c.Spec.Engine = v1alpha1.EngineRedis })
	f.newCluster("owned", 1, func(c *v1alpha1.DatabaseCluster) {
		c.Spec.Parameters = map[string]v1alpha1.ParameterValue{"listen_addresses": "*"}
	})
	f.awaitReason("clash", v1alpha1.ConditionReady, v1alpha1.ReasonNameConflict, `Service "clash-rw"`)
	f.awaitReason("noclass", v1alpha1.ConditionReady, v1alpha1.ReasonVolumePending, "noclass-db-0")
	f.awaitReason("huge", v1alpha1.ConditionReady, v1alpha1.ReasonUnschedulable, "Insufficient memory")
	f.awaitReason("nover", v1alpha1.ConditionAccepted, v1alpha1.ReasonVersionNotOffered, "17.")
	f.awaitReason("redis", v1alpha1.ConditionAccepted, v1alpha1.ReasonUnsupported, "Redis")
	f.awaitReason("owned", v1alpha1.ConditionAccepted, v1alpha1.ReasonInvalid, "listen_addresses")

	now, err := f.kube.CoreV1().Services(f.ns).Get(ctx, "clash-rw", metav1.GetOptions{})
	f.must(err)
	if now.ResourceVersion != stranger.ResourceVersion {
		t.Errorf("the stranger's Service was written to: %+v", now.ObjectMeta)
	}
}

// TestAFullQuotaIsTold holds a cluster up by a quota, and lets it go on when there is room.
func TestAFullQuotaIsTold(t *testing.T) {
	f := newFrame(t)
	quotas := f.kube.CoreV1().ResourceQuotas(f.ns)
	_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: quantity("0")}},
	}, metav1.CreateOptions{})
	f.must(err)
	f.newCluster("orders", 1)
	f.awaitReason("orders", v1alpha1.ConditionReady, v1alpha1.ReasonQuotaExceeded, "pods")
	f.must(quotas.Delete(t.Context(), "none", metav1.DeleteOptions{}))
	f.awaitReady("orders")
}

// TestAnImageThatCannotBePulledIsTold offers a version whose image nobody has.
func TestAnImageThatCannotBePulledIsTold(t *testing.T) {
	f := newFrame(t)
	offers := f.atlas.AtlasDBV1alpha1().DatabaseEngines()
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
	f.awaitReason("orders", v1alpha1.ConditionReady, v1alpha1.ReasonImagePullFailed, "localhost/postgres:nowhere")
}
