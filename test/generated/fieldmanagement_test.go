// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package generated

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	v1alpha1ac "github.com/atlasdb/atlasdb/pkg/generated/applyconfiguration/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/fake"
)

// TestTwoManagersOwnOneConditionEach fails when the apply configurations know no schema: conditions are then one
// atomic list, and the second manager's entry replaces the first's.
func TestTwoManagersOwnOneConditionEach(t *testing.T) {
	t.Parallel()
	clusters := fake.NewClientset().AtlasDBV1alpha1().DatabaseClusters("default")
	for manager, condition := range map[string]string{"first": "Ready", "second": "Degraded"} {
		desired := v1alpha1ac.DatabaseCluster("orders", "default").WithStatus(
			v1alpha1ac.DatabaseClusterStatus().WithConditions(
				metav1ac.Condition().WithType(condition).WithStatus(metav1.ConditionTrue)))
		if _, err := clusters.Apply(t.Context(), desired, metav1.ApplyOptions{FieldManager: manager}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := clusters.Get(t.Context(), "orders", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, condition := range []string{"Ready", "Degraded"} {
		if meta.FindStatusCondition(got.Status.Conditions, condition) == nil {
			t.Errorf("condition %s is gone: its list is atomic", condition)
		}
	}
}

// TestExtractReturnsWhatWasApplied fails when a field is owned differently from how it was applied: the operator, which
// writes only on a difference, would then write for ever.
func TestExtractReturnsWhatWasApplied(t *testing.T) {
	t.Parallel()
	const manager = "atlasdb"
	clusters := fake.NewClientset().AtlasDBV1alpha1().DatabaseClusters("default")
	desired := v1alpha1ac.DatabaseCluster("orders", "default").
		WithLabels(map[string]string{"team": "shop"}).
		WithSpec(v1alpha1ac.DatabaseClusterSpec().
			WithEngine(v1alpha1.EnginePostgreSQL).
			WithVersion("17").
			WithStorage(v1alpha1ac.StorageSpec().WithSize(resource.MustParse("20Gi"))).
			WithParameters(map[string]v1alpha1.ParameterValue{"work_mem": "16MB"}).
			WithFencedMembers("orders-db-1"))
	got, err := clusters.Apply(t.Context(), desired, metav1.ApplyOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	extracted, err := v1alpha1ac.ExtractDatabaseCluster(got, manager)
	if err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(extracted, desired) {
		t.Errorf("extracted %+v, applied %+v", extracted.Spec, desired.Spec)
	}
}
