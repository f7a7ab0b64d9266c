// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
)

var update = flag.Bool("update", false, "write the golden files anew")

var clusters = map[string]func() *v1alpha1.DatabaseCluster{
	"minimal": minimal, "maximal": maximal, "sharded": sharded, "leaderless": leaderless,
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, cluster := range clusters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			for _, object := range objects(cluster()) {
				encoded, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(encoded)
			}
			path := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("differs from %s; if it should, run with -update (-want +got):\n%s", path, d)
			}
		})
	}
}

// TestNothingIsLostAtTheServer sends each object through the server's own types and back: a field that they drop (a
// zero value) or write otherwise (a quantity) would be applied anew in every pass.
func TestNothingIsLostAtTheServer(t *testing.T) {
	t.Parallel()
	for name, cluster := range clusters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, wanted := range objects(cluster()) {
				different, err := apply.Difference(wanted, stored(t, wanted))
				if err != nil {
					t.Fatal(err)
				}
				if different != "" {
					t.Errorf("%s %s comes back with another %s", apply.Kind(wanted), apply.Name(wanted), different)
				}
			}
		})
	}
}

// stored decodes an object into the type of its kind, strictly.
func stored(t *testing.T, wanted runtime.ApplyConfiguration) metav1.Object {
	t.Helper()
	encoded, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	var u unstructured.Unstructured
	if err := json.Unmarshal(encoded, &u); err != nil {
		t.Fatal(err)
	}
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, typed, true); err != nil {
		t.Fatal(err)
	}
	return typed.(metav1.Object)
}

// TestEveryObjectIsFoundAgain: without the labels the informers do not see an object, and without the owner it is
// nobody's. A volume is retained unless the policy says otherwise.
func TestEveryObjectIsFoundAgain(t *testing.T) {
	t.Parallel()
	for _, build := range clusters {
		cluster := build()
		for _, wanted := range objects(cluster) {
			object, kind := stored(t, wanted), apply.Kind(wanted)
			if object.GetNamespace() != cluster.Namespace ||
				object.GetLabels()[v1alpha1.LabelManagedBy] != v1alpha1.ManagedBy ||
				object.GetLabels()[v1alpha1.LabelCluster] != cluster.Name {
				t.Errorf("%s %s would not be found: %v", kind, object.GetName(), object.GetLabels())
			}
			owned := metav1.IsControlledBy(object, cluster)
			retained := kind == "PersistentVolumeClaim" && cluster.Spec.DeletionPolicy == v1alpha1.DeletionRetain
			if owned == retained {
				t.Errorf("%s %s: controlled by the cluster: %v", kind, object.GetName(), owned)
			}
		}
	}
}
