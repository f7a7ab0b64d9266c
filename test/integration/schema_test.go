// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build integration

package integration

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// applier creates YAML as `kubectl apply` would: any kind, unknown fields refused.
type applier struct {
	client dynamic.Interface
	mapper meta.RESTMapper
}

var install sync.Once

// newApplier gives an applier on a server that has the CRDs.
func newApplier(t *testing.T) *applier {
	t.Helper()
	a := &applier{client: dynamic.NewForConfigOrDie(server)}
	reset := func() {
		a.mapper = restmapper.NewDeferredDiscoveryRESTMapper(
			memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(server)))
	}
	reset()
	install.Do(func() {
		for _, o := range objects(t, "../../artifacts/crds") {
			if err := a.create(t.Context(), o, ""); err != nil {
				t.Fatal(err)
			}
		}
		awaitKinds(t)
	})
	reset()
	return a
}

// awaitKinds waits until the API server serves the three kinds of the CRDs, with their subresources.
func awaitKinds(t *testing.T) {
	t.Helper()
	d := discovery.NewDiscoveryClientForConfigOrDie(server)
	for range 100 {
		if list, err := d.ServerResourcesForGroupVersion("atlasdb.io/v1alpha1"); err == nil && len(list.APIResources) >= 6 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the kinds of atlasdb.io are not served")
}

func (a *applier) create(ctx context.Context, o *unstructured.Unstructured, dryRun string) error {
	gvk := o.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return err
	}
	options := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	if dryRun != "" {
		options.DryRun = []string{dryRun}
	}
	namespace := ""
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if namespace = o.GetNamespace(); namespace == "" {
			namespace = "default"
		}
	}
	_, err = a.client.Resource(mapping.Resource).Namespace(namespace).Create(ctx, o, options)
	return err
}

// objects reads every YAML document below a folder.
func objects(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		documents := yaml.NewYAMLOrJSONDecoder(file, 4096)
		for {
			o := &unstructured.Unstructured{}
			if err := documents.Decode(o); err != nil {
				return nil // the end of the file
			}
			if len(o.Object) > 0 {
				all = append(all, o)
			}
		}
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d objects in %s: %v", len(all), folder, err)
	}
	return all
}

// TestArtifactsAreAccepted applies every YAML that a user is told to apply.
func TestArtifactsAreAccepted(t *testing.T) {
	a := newApplier(t)
	for _, o := range objects(t, "../../artifacts/deploy") {
		// The first makes the namespace in which a dry run of the others finds itself.
		dryRun := metav1.DryRunAll
		if o.GetKind() == "Namespace" {
			dryRun = ""
		}
		if err := a.create(t.Context(), o, dryRun); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	for _, folder := range []string{"../../artifacts/engines", "../../artifacts/examples"} {
		for _, o := range objects(t, folder) {
			if err := a.create(t.Context(), o, metav1.DryRunAll); err != nil {
				t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
			}
		}
	}
}

// cluster is a DatabaseCluster with some fields set, by path.
func cluster(name string, set map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "atlasdb.io/v1alpha1", "kind": "DatabaseCluster", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"engine": "PostgreSQL", "version": "17", "storage": map[string]any{"size": "2Gi"}},
	}}
	setAll(o, set)
	return o
}

func setAll(o *unstructured.Unstructured, set map[string]any) {
	for path, value := range set {
		fields := strings.Split(path, ".")
		if value == nil {
			unstructured.RemoveNestedField(o.Object, fields...)
			continue
		}
		if err := unstructured.SetNestedField(o.Object, value, fields...); err != nil {
			panic(err)
		}
	}
}

// TestBadSpecsAreRefused creates what must not be; refusal comes from the schema, so the operator may be down.
func TestBadSpecsAreRefused(t *testing.T) {
	a := newApplier(t)
	for name, tt := range map[string]struct {
		cluster string
		set     map[string]any
		words   string
	}{
		"name too long":          {strings.Repeat("a", 41), nil, "at most 40 characters"},
		"name starts with digit": {"1a", nil, "must start with a lower-case letter"},
		"name with a dot":        {"a.b", nil, "must start with a lower-case letter"},
		"unknown engine":         {"x", map[string]any{"spec.engine": "Oracle"}, "Unsupported value"},
		"version with words":     {"x", map[string]any{"spec.version": "latest"}, "should match"},
		"no members":             {"x", map[string]any{"spec.members": int64(0)}, "greater than or equal to 1"},
		"too many members":       {"x", map[string]any{"spec.members": int64(8)}, "less than or equal to 7"},
		"2^31 members":           {"x", map[string]any{"spec.members": int64(1 << 31)}, "less than or equal to 7"},
		"storage 0":              {"x", map[string]any{"spec.storage.size": "0"}, "from 1Gi to 64Ti"},
		"storage negative":       {"x", map[string]any{"spec.storage.size": "-1Gi"}, "from 1Gi to 64Ti"},
		"storage 1E":             {"x", map[string]any{"spec.storage.size": "1E"}, "from 1Gi to 64Ti"},
		"storage as words":       {"x", map[string]any{"spec.storage.size": "big"}, "from 1Gi to 64Ti"},
		"more members in all than status lists": {"x", map[string]any{
			"spec.engine": "Redis", "spec.shards": int64(32), "spec.members": int64(5),
		}, "may not exceed 128"},
		"sharded PostgreSQL": {"x", map[string]any{"spec.shards": int64(2)}, "no sharded topology"},
		"request over limit": {"x", map[string]any{
			"spec.resources.limits": map[string]any{"memory": "1Gi"}, "spec.resources.requests": map[string]any{"memory": "2Gi"},
		}, "may not exceed"},
		"limit under the default request": {"x", map[string]any{
			"spec.resources.limits": map[string]any{"memory": "256Mi"},
		}, "may not exceed"},
		"parameter with a line feed": {"x", map[string]any{
			"spec.parameters": map[string]any{"work_mem": "1MB\nssl=off"},
		}, "should match"},
		"parameter with a bad name": {"x", map[string]any{
			"spec.parameters": map[string]any{"a b": "1"},
		}, "a parameter's name"},
		"block of another engine": {"x", map[string]any{
			"spec.engine": "Redis", "spec.postgresql": map[string]any{"locale": "C"},
		}, "only for engine PostgreSQL"},
		"Redis's block for another engine": {"x", map[string]any{
			"spec.redis": map[string]any{"persistence": "RDB"},
		}, "only for engine Redis"},
		"MongoDB's block for another engine": {"x", map[string]any{
			"spec.mongodb": map[string]any{},
		}, "only for engine MongoDB"},
		"a month is the longest soak": {"x", map[string]any{
			"spec.engine":  "MongoDB",
			"spec.mongodb": map[string]any{"featureCompatibility": map[string]any{"soakSeconds": int64(2592001)}},
		}, "less than or equal to 2592000"},
		"unknown persistence": {"x", map[string]any{
			"spec.engine": "Redis", "spec.redis": map[string]any{"persistence": "Sometimes"},
		}, "Unsupported value"},
		"unknown field": {"x", map[string]any{"spec.replicas": int64(3)}, "unknown field"},
		"peer without a selector": {"x", map[string]any{
			"spec.network": map[string]any{"allowedPeers": []any{map[string]any{}}},
		}, "give namespaceSelector, podSelector or both"},
		"unknown deletion policy": {"x", map[string]any{"spec.deletionPolicy": "Perhaps"}, "Unsupported value"},
	} {
		t.Run(name, func(t *testing.T) {
			err := a.create(t.Context(), cluster(tt.cluster, tt.set), metav1.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %v, want one with %q", err, tt.words)
			}
		})
	}
}

// TestSizesInEverySpelling accepts what means the same.
func TestSizesInEverySpelling(t *testing.T) {
	a := newApplier(t)
	for _, size := range []any{"1Gi", "20Gi", int64(10737418240), "2e9", "1.5Gi"} {
		sized := cluster("x", map[string]any{"spec.storage.size": size})
		if err := a.create(t.Context(), sized, metav1.DryRunAll); err != nil {
			t.Errorf("size %v: %v", size, err)
		}
	}
}

// TestRedisBlock: what Redis writes to its volume has a default, and can change.
func TestRedisBlock(t *testing.T) {
	a := newApplier(t)
	clusters := a.client.Resource(schema.GroupVersionResource{
		Group: "atlasdb.io", Version: "v1alpha1", Resource: "databaseclusters",
	}).Namespace("default")
	made := cluster("cached", map[string]any{
		"spec.engine": "Redis", "spec.version": "7.0", "spec.redis": map[string]any{},
	})
	if err := a.create(t.Context(), made, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clusters.Delete(context.WithoutCancel(t.Context()), "cached", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	o, err := clusters.Get(t.Context(), "cached", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(o.Object, "spec", "redis", "persistence"); got != "AOF" {
		t.Errorf("persistence is %q by default", got)
	}
	setAll(o, map[string]any{"spec.redis.persistence": "None"})
	if _, err := clusters.Update(t.Context(), o, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("persistence cannot change: %v", err)
	}
}

// TestTransitions edits a cluster that exists.
func TestTransitions(t *testing.T) {
	a := newApplier(t)
	clusters := a.client.Resource(schema.GroupVersionResource{
		Group: "atlasdb.io", Version: "v1alpha1", Resource: "databaseclusters",
	}).Namespace("default")
	if err := a.create(t.Context(), cluster("edited", map[string]any{"spec.storage.className": "fast"}), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clusters.Delete(context.WithoutCancel(t.Context()), "edited", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	for name, tt := range map[string]struct {
		set   map[string]any
		words string // "" when the edit is allowed
	}{
		"engine":            {map[string]any{"spec.engine": "Redis"}, "engine cannot change"},
		"smaller":           {map[string]any{"spec.storage.size": "1Gi"}, "size cannot shrink"},
		"smaller as number": {map[string]any{"spec.storage.size": int64(1 << 30)}, "size cannot shrink"},
		"larger":            {map[string]any{"spec.storage.size": "3Gi"}, ""},
		"equal":             {map[string]any{"spec.storage.size": "2048Mi"}, ""},
		"other class":       {map[string]any{"spec.storage.className": "slow"}, "className cannot change"},
		"no class":          {map[string]any{"spec.storage.className": nil}, "className cannot change"},
		"shards added":      {map[string]any{"spec.shards": int64(3)}, "neither added nor removed"},
		"more members":      {map[string]any{"spec.members": int64(5)}, ""},
		"version":           {map[string]any{"spec.version": "17.6"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := clusters.Get(t.Context(), "edited", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			setAll(o, tt.set)
			_, err = clusters.Update(t.Context(), o, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
			switch {
			case tt.words == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.words != "" && (err == nil || !strings.Contains(err.Error(), tt.words)):
				t.Errorf("error %v, want one with %q", err, tt.words)
			}
		})
	}
}
