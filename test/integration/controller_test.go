// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/controller/databasecluster"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
	"github.com/atlasdb/atlasdb/pkg/generated/informers/externalversions"
	atlasresource "github.com/atlasdb/atlasdb/pkg/resource"
)

// requests counts what a client asks, watches left out.
type requests struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (r *requests) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Query().Get("watch") == "" {
		r.mu.Lock()
		r.seen = append(r.seen, q.Method+" "+q.URL.Path)
		r.mu.Unlock()
	}
	return r.next.RoundTrip(q)
}

func (r *requests) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// world is the real controller on the real API server. The test plays the agents and the kubelets.
type world struct {
	*testing.T
	kube     kubernetes.Interface
	atlas    versioned.Interface
	operator *requests
	// ns is the test's own namespace.
	ns string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	newApplier(t)
	w := &world{
		T: t, kube: kubernetes.NewForConfigOrDie(server), atlas: versioned.NewForConfigOrDie(server),
		operator: &requests{},
	}
	ns, err := w.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.ns = ns.Name
	config := rest.CopyConfig(server)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		w.operator.next = next
		return w.operator
	})
	kube, atlas := kubernetes.NewForConfigOrDie(config), versioned.NewForConfigOrDie(config)
	kubeInformers := informers.NewSharedInformerFactoryWithOptions(kube, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.LabelSelector = v1alpha1.LabelManagedBy + "=" + v1alpha1.ManagedBy
		}))
	atlasInformers := externalversions.NewSharedInformerFactory(atlas, 0)
	c, err := databasecluster.New(databasecluster.Options{
		Client: atlas, KubeClient: kube, Informers: atlasInformers, KubeInformers: kubeInformers,
		Engines: map[v1alpha1.EngineType]engine.Engine{v1alpha1.EnginePostgreSQL: postgresql.Engine{}},
		Agent:   atlasresource.Agent{Image: "atlasdb:1"}, Recorder: events.NewFakeRecorder(1000),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	kubeInformers.StartWithContext(ctx)
	atlasInformers.StartWithContext(ctx)
	running.Go(func() { c.Run(ctx, 2) })
	t.Cleanup(func() { cancel(); running.Wait() })
	for _, o := range objects(t, "../../artifacts/engines") {
		if err := newApplier(t).create(t.Context(), o, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			err := w.atlas.AtlasDBV1alpha1().DatabaseEngines().
				Delete(context.WithoutCancel(ctx), o.GetName(), metav1.DeleteOptions{})
			if err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

// eventually tries until it succeeds.
func (w *world) eventually(what string, try func() error) {
	w.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	w.Fatalf("%s: %v", what, err)
}

// play is what agent and kubelet of a member do when all goes well.
func (w *world) play(cluster *v1alpha1.DatabaseCluster, member string, role v1alpha1.MemberRole) {
	w.Helper()
	ctx := w.Context()
	report, err := engine.EncodeReport(engine.MemberReport{
		Protocol: engine.Protocol, Incarnation: member + "/u/n", Role: role, Ready: true, CaughtUp: true,
		SystemID: "7423", PlanGeneration: cluster.Generation,
	})
	if err != nil {
		w.Fatal(err)
	}
	pods := w.kube.CoreV1().Pods(cluster.Namespace)
	w.eventually("the pod "+member, func() error {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationMember, report)
		_, err := pods.Patch(ctx, member, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	})
	if role == v1alpha1.RolePrimary {
		patch := fmt.Appendf(nil, `{"spec":{"holderIdentity":%q}}`, member+"/u/n")
		_, err := w.kube.CoordinationV1().Leases(cluster.Namespace).
			Patch(ctx, cluster.Name+"-db", types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			w.Fatal(err)
		}
	}
	ready := fmt.Appendf(nil, `{"status":{"conditions":[{"type":%q,"status":"True"}]}}`, corev1.PodReady)
	if _, err := pods.Patch(ctx, member, types.MergePatchType, ready, metav1.PatchOptions{}, "status"); err != nil {
		w.Fatal(err)
	}
}

// TestEveryObjectIsSilentOnTheRealServer drives a cluster to Ready and then has it looked at again and again. A builder
// that asks for a field which the server stores otherwise would write in every pass; fakes cannot find that, because
// they default nothing.
func TestEveryObjectIsSilentOnTheRealServer(t *testing.T) {
	w := newWorld(t)
	clusters := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns)
	cluster, err := clusters.Create(t.Context(), &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "silent"},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: v1alpha1.EnginePostgreSQL, Version: "17", Members: 3,
			Storage:        v1alpha1.StorageSpec{Size: resource.MustParse("1024Mi")},
			DeletionPolicy: v1alpha1.DeletionDelete,
			Parameters:     map[string]v1alpha1.ParameterValue{"work_mem": "16MB"},
			Network: v1alpha1.NetworkSpec{AllowedPeers: []v1alpha1.NetworkPeer{{
				PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
				NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
					Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"a", "b"},
				}}},
			}}},
			Scheduling: v1alpha1.SchedulingSpec{
				Tolerations: []corev1.Toleration{{Key: "db", Operator: corev1.TolerationOpExists}},
				Spread:      v1alpha1.SpreadSpec{Node: v1alpha1.SpreadRequired},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for member, role := range map[string]v1alpha1.MemberRole{
		"silent-db-0": v1alpha1.RolePrimary, "silent-db-1": v1alpha1.RoleReplica, "silent-db-2": v1alpha1.RoleReplica,
	} {
		w.play(cluster, member, role)
	}
	w.eventually("Ready", func() error {
		c, err := clusters.Get(t.Context(), "silent", metav1.GetOptions{})
		if err == nil && (!meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) ||
			c.Status.DeletionPolicy != v1alpha1.DeletionDelete) {
			err = fmt.Errorf("status %+v", c.Status)
		}
		return err
	})
	for range 5 {
		w.lookAgain()
	}
	time.Sleep(time.Second) // what is under way arrives
	w.operator.take()
	for range 5 {
		w.lookAgain()
	}
	time.Sleep(time.Second)
	if seen := w.operator.take(); len(seen) > 0 {
		t.Errorf("a cluster at rest cost %d requests: %v", len(seen), seen)
	}
}

// lookAgain makes the controller look at every cluster: an edit of a DatabaseEngine concerns all of its engine.
func (w *world) lookAgain() {
	w.Helper()
	_, err := w.atlas.AtlasDBV1alpha1().DatabaseEngines().Patch(w.Context(), "postgresql", types.MergePatchType,
		fmt.Appendf(nil, `{"metadata":{"annotations":{"seen":%q}}}`, time.Now().String()), metav1.PatchOptions{})
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
}
