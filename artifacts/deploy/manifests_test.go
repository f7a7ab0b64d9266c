// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/atlasdb/atlasdb/cmd/atlasdb-operator/app"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// manifests decodes every object of the folder in kubectl's order; a field that the API does not know is an error.
func manifests(t *testing.T) []runtime.Object {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			object, _, err := decoder.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			objects = append(objects, object)
		}
	}
	return objects
}

// find returns the one manifest of a type and name.
func find[T metav1.Object](t *testing.T, name string) T {
	t.Helper()
	for _, object := range manifests(t) {
		if typed, ok := object.(T); ok && typed.GetName() == name {
			return typed
		}
	}
	var none T
	t.Fatalf("no %T %q", none, name)
	return none
}

func TestNamespaceComesFirst(t *testing.T) {
	t.Parallel()
	if _, ok := manifests(t)[0].(*corev1.Namespace); !ok {
		t.Error("kubectl apply would create objects in a namespace that does not exist yet")
	}
}

// TestNothingIsManagedByAtlasDB keeps the operator's own objects out of its informers and out of its policy.
func TestNothingIsManagedByAtlasDB(t *testing.T) {
	t.Parallel()
	for _, object := range manifests(t) {
		o := object.(metav1.Object)
		if o.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy {
			t.Errorf("%T %s carries the label of the databases' objects", o, o.GetName())
		}
	}
}

func TestDeploymentFitsTheProcess(t *testing.T) {
	t.Parallel()
	deployment := find[*appsv1.Deployment](t, "atlasdb-operator")
	pod := deployment.Spec.Template.Spec
	container := pod.Containers[0]
	opts, err := app.Parse(container.Args)
	if err != nil {
		t.Fatalf("arguments: %v", err)
	}
	if opts.AgentImage != container.Image {
		t.Errorf("--agent-image %q is not the image %q of the operator", opts.AgentImage, container.Image)
	}
	grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	if grace != opts.DrainTimeout+10*time.Second {
		t.Errorf("grace period %s is not --drain-timeout %s plus 10 s", grace, opts.DrainTimeout)
	}
	if port := container.Ports[0]; !strings.HasSuffix(opts.MetricsAddress, ":8080") || port.ContainerPort != 8080 {
		t.Errorf("port %+v does not fit --metrics-bind-address %s", port, opts.MetricsAddress)
	}
	if got := container.LivenessProbe.HTTPGet.Path + container.ReadinessProbe.HTTPGet.Path; got != "/healthz/readyz" {
		t.Errorf("probes ask for %s", got)
	}
	budget := find[*policyv1.PodDisruptionBudget](t, "atlasdb-operator")
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	if err != nil || !selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
		t.Errorf("disruption budget does not select the operator: %v", err)
	}
}

// TestLeaderElectionRights compares the Role with the flags' defaults.
func TestLeaderElectionRights(t *testing.T) {
	t.Parallel()
	opts, err := app.Parse([]string{"--agent-image=i"})
	if err != nil {
		t.Fatal(err)
	}
	role := find[*rbacv1.Role](t, "atlasdb-operator-leader")
	if role.Namespace != opts.LeaderElection.Namespace ||
		!slices.Equal(role.Rules[1].ResourceNames, []string{opts.LeaderElection.Name}) {
		t.Errorf("role is for %s in %s, the Lease is %s in %s", role.Rules[1].ResourceNames, role.Namespace,
			opts.LeaderElection.Name, opts.LeaderElection.Namespace)
	}
}

// may says whether the operator holds a right on all objects of a resource.
func may(t *testing.T, group, resource, verb string) bool {
	t.Helper()
	return slices.ContainsFunc(find[*rbacv1.ClusterRole](t, "atlasdb-operator").Rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) &&
			slices.Contains(r.Verbs, verb) && len(r.ResourceNames) == 0
	})
}

// TestOperatorHoldsWhatItGrants: the API server lets nobody give a right that he lacks.
func TestOperatorHoldsWhatItGrants(t *testing.T) {
	t.Parallel()
	cluster := &v1alpha1.DatabaseCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders"}}
	role := resource.Role(cluster, engine.Topology{Leadership: engine.LeadershipLease}) // no other has more rights
	for _, rule := range role.Rules {
		for _, verb := range rule.Verbs {
			if !may(t, rule.APIGroups[0], rule.Resources[0], verb) {
				t.Errorf("members are granted %s on %s, which the operator may not itself", verb, rule.Resources[0])
			}
		}
	}
}

func TestOperatorMayWriteWhatItWrites(t *testing.T) {
	t.Parallel()
	groups := map[string]string{
		"roles": rbacv1.GroupName, "rolebindings": rbacv1.GroupName, "leases": "coordination.k8s.io",
		"poddisruptionbudgets": policyv1.GroupName, "networkpolicies": "networking.k8s.io",
	}
	for _, resource := range apply.Kinds {
		for _, verb := range []string{"get", "list", "watch", "create", "patch"} {
			if !may(t, groups[resource], resource, verb) {
				t.Errorf("the operator may not %s %s", verb, resource)
			}
		}
	}
}

// TestDataAndCredentialsCannotBeDeleted: a bug in the operator must not be able to delete a volume.
func TestDataAndCredentialsCannotBeDeleted(t *testing.T) {
	t.Parallel()
	for _, object := range manifests(t) {
		role, ok := object.(*rbacv1.ClusterRole)
		if !ok {
			continue
		}
		for _, rule := range role.Rules {
			if slices.Contains(slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups), "*") {
				t.Errorf("%s has a wildcard: %v", role.Name, rule)
			}
		}
	}
	for _, resource := range []string{"persistentvolumeclaims", "secrets"} {
		for _, verb := range []string{"delete", "deletecollection"} {
			if may(t, "", resource, verb) {
				t.Errorf("the operator may %s %s", verb, resource)
			}
		}
	}
}
