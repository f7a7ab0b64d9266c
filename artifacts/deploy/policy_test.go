// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// requester is who sends a request, as the API server's authenticator describes him to admission.
type requester struct {
	username string
	extra    map[string]any
}

// member is the holder of a token of a ServiceAccount that is bound to a pod, or to none.
func member(namespace, account, pod string) requester {
	r := requester{username: "system:serviceaccount:" + namespace + ":" + account}
	if pod != "" {
		r.extra = map[string]any{"authentication.kubernetes.io/pod-name": []any{pod}}
	}
	return r
}

// evaluator runs the shipped policy with the functions that the API server offers to expressions.
type evaluator struct {
	spec admissionregistrationv1.ValidatingAdmissionPolicySpec
	env  *cel.Env
}

func newEvaluator(t *testing.T) evaluator {
	t.Helper()
	variables := make([]cel.EnvOption, 0, 4)
	for _, name := range []string{"object", "oldObject", "request", "variables"} {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0), EnvOptions: variables,
	})
	if err != nil {
		t.Fatal(err)
	}
	policy := find[*admissionregistrationv1.ValidatingAdmissionPolicy](t, "atlasdb-members")
	return evaluator{spec: policy.Spec, env: set.NewExpressionsEnv()}
}

// refusal is the message of the first validation that the update violates, or "".
func (e evaluator) refusal(t *testing.T, by requester, before, after *corev1.Pod) string {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(e.spec.MatchConstraints.ObjectSelector)
	if err != nil {
		t.Fatal(err)
	}
	if !selector.Matches(labels.Set(before.Labels)) && !selector.Matches(labels.Set(after.Labels)) {
		return ""
	}
	user := map[string]any{"username": by.username}
	if by.extra != nil {
		user["extra"] = by.extra
	}
	variables := map[string]any{}
	input := map[string]any{
		"object": unstructured(t, after), "oldObject": unstructured(t, before),
		"request": map[string]any{"userInfo": user}, "variables": variables,
	}
	for _, condition := range e.spec.MatchConditions {
		if e.eval(t, condition.Expression, input) != types.True {
			return ""
		}
	}
	for _, variable := range e.spec.Variables {
		variables[variable.Name] = e.eval(t, variable.Expression, input)
	}
	for _, validation := range e.spec.Validations {
		if e.eval(t, validation.Expression, input) != types.True {
			return validation.Message
		}
	}
	return ""
}

func (e evaluator) eval(t *testing.T, expression string, input map[string]any) ref.Val {
	t.Helper()
	ast, issues := e.env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	program, err := e.env.Program(ast)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	value, _, err := program.Eval(input)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func unstructured(t *testing.T, pod *corev1.Pod) map[string]any {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// memberPod is a pod as the operator makes it, some time after its start.
func memberPod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name,
			Labels: map[string]string{
				v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelCluster: "orders",
				v1alpha1.LabelRole: v1alpha1.RoleLabelReplica,
			},
			Annotations: map[string]string{v1alpha1.AnnotationPodHash: "1", v1alpha1.AnnotationMember: `{"role":"Replica"}`},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "engine", Image: "postgres:17.6"}}},
	}
}

func TestMembersMayChangeOnlyRoleAndReport(t *testing.T) {
	t.Parallel()
	policy := newEvaluator(t)
	self := member("shop", "orders-db", "orders-db-0")
	admin := requester{username: "chief-db"} // the suffix alone makes no member
	own, other := "orders-db-0", "orders-db-1"
	for name, test := range map[string]struct {
		by      requester
		pod     string
		change  func(*corev1.Pod)
		refused bool
	}{
		"own role":             {self, own, func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRole] = "primary" }, false},
		"own role away":        {self, own, func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelRole) }, false},
		"own report":           {self, own, func(p *corev1.Pod) { p.Annotations[v1alpha1.AnnotationMember] = "{}" }, false},
		"role of other away":   {self, other, func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelRole) }, false},
		"role of other":        {self, other, func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRole] = "primary" }, true},
		"report of other":      {self, other, func(p *corev1.Pod) { p.Annotations[v1alpha1.AnnotationMember] = "{}" }, true},
		"report of other away": {self, other, func(p *corev1.Pod) { delete(p.Annotations, v1alpha1.AnnotationMember) }, true},
		"label":                {self, own, func(p *corev1.Pod) { p.Labels[v1alpha1.LabelCluster] = "stock" }, true},
		"new label":            {self, own, func(p *corev1.Pod) { p.Labels["app"] = "x" }, true},
		"label that selects":   {self, own, func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelManagedBy) }, true},
		"all labels away":      {self, own, func(p *corev1.Pod) { p.Labels = nil }, true},
		"annotation":           {self, own, func(p *corev1.Pod) { p.Annotations[v1alpha1.AnnotationPodHash] = "2" }, true},
		"annotation away":      {self, own, func(p *corev1.Pod) { delete(p.Annotations, v1alpha1.AnnotationPodHash) }, true},
		"new annotation":       {self, own, func(p *corev1.Pod) { p.Annotations["a"] = "x" }, true},
		"image":                {self, own, func(p *corev1.Pod) { p.Spec.Containers[0].Image = "evil" }, true},
		"deadline":             {self, own, func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(1)) }, true},
		"finalizer":            {self, own, func(p *corev1.Pod) { p.Finalizers = []string{"a/b"} }, true},
		"owner": {self, own, func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "x", UID: "y"}}
		}, true},
		"status alone": {self, own, func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, false},
		"token of no pod": {
			member("shop", "orders-db", ""), own, func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRole] = "primary" }, true,
		},
		"pod of the same name elsewhere": {
			member("stock", "orders-db", own), own, func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRole] = "primary" }, true,
		},
		"an administrator": {admin, own, func(p *corev1.Pod) { p.Labels["app"] = "x" }, false},
		"another ServiceAccount": {
			member("shop", "deployer", "deployer-1"), own, func(p *corev1.Pod) { p.Labels["app"] = "x" }, false,
		},
		"a stranger called like a member, on its own pods": {
			member("shop", "billing-db", "billing-db-0"), "billing-db-0", func(p *corev1.Pod) { p.Labels["app"] = "x" }, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := memberPod(test.pod)
			if test.pod == "billing-db-0" {
				before.Labels = map[string]string{"app": "billing"}
			}
			after := before.DeepCopy()
			test.change(after)
			if message := policy.refusal(t, test.by, before, after); (message != "") != test.refused {
				t.Errorf("refusal = %q, want one: %t", message, test.refused)
			}
		})
	}
}
