// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/workqueue"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// interfaceOfMetrics is every name with its labels: dashboards and alerts hang on it.
var interfaceOfMetrics = []string{
	"atlasdb_api_request_duration_seconds{resource,verb}",
	"atlasdb_api_requests_total{code,resource,verb}",
	"atlasdb_build_info{commit,go_version,version}",
	"atlasdb_cluster_members{engine,name,namespace}",
	"atlasdb_cluster_ready_members{engine,name,namespace}",
	"atlasdb_cluster_ready{engine,name,namespace}",
	"atlasdb_failovers_total{reason}",
	"atlasdb_informer_synced{kind,namespace}",
	"atlasdb_leader{}",
	"atlasdb_sync_duration_seconds{controller,result}",
	"atlasdb_workqueue_adds_total{namespace,queue}",
	"atlasdb_workqueue_depth{namespace,queue}",
	"atlasdb_workqueue_longest_running_processor_seconds{namespace,queue}",
	"atlasdb_workqueue_queue_duration_seconds{namespace,queue}",
	"atlasdb_workqueue_retries_total{namespace,queue}",
	"atlasdb_workqueue_unfinished_work_seconds{namespace,queue}",
	"atlasdb_workqueue_work_duration_seconds{namespace,queue}",
}

// clusters is a lister of what it holds.
type clusters []*v1alpha1.DatabaseCluster

func (c *clusters) List(labels.Selector) ([]*v1alpha1.DatabaseCluster, error) { return *c, nil }

// brokenLister is a lister that fails.
type brokenLister struct{}

func (brokenLister) List(labels.Selector) ([]*v1alpha1.DatabaseCluster, error) {
	return nil, errors.New("index is missing")
}

func cluster(name string, ready metav1.ConditionStatus) *v1alpha1.DatabaseCluster {
	return &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       v1alpha1.DatabaseClusterSpec{Engine: v1alpha1.EnginePostgreSQL, Members: 3},
		Status: v1alpha1.DatabaseClusterStatus{
			ReadyMembers: 2,
			Conditions:   []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready}},
		},
	}
}

// used returns Metrics of which every source has been used once.
func used(t *testing.T, listed *clusters) *Metrics {
	t.Helper()
	m := New()
	m.SetLeading(true)
	m.ObserveSync("databasecluster", "success", time.Millisecond)
	m.ObserveFailover(engine.FailoverSwitchover)
	m.WatchClusters(listed)
	m.WatchInformers(func() map[Informer]bool { return map[Informer]bool{{Kind: "Pod"}: true, {Kind: "Secret"}: false} })
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{
		Name: "databasecluster", MetricsProvider: m.Queues(""),
	})
	t.Cleanup(queue.ShutDown)
	queue.Add("shop/orders")
	m.Queues("").NewRetriesMetric("databasecluster").Inc()
	request(t, m, http.MethodGet, "/api/v1/pods", http.StatusOK)
	return m
}

// request sends one request through the counting transport; status 0 is a connection that fails.
func request(t *testing.T, m *Metrics, method, url string, status int) {
	t.Helper()
	transport := m.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
		if status == 0 {
			return nil, errors.New("connection refused")
		}
		return httptest.NewRecorder().Result(), nil
	}))
	response, err := transport.RoundTrip(httptest.NewRequestWithContext(t.Context(), method, url, nil))
	if (err != nil) != (status == 0) {
		t.Fatalf("RoundTrip: %v", err)
	}
	if err == nil {
		_ = response.Body.Close()
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestEveryNameAndLabel(t *testing.T) {
	t.Parallel()
	m := used(t, &clusters{cluster("orders", metav1.ConditionTrue)})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), prefix) {
			continue // go_ and process_ are the client library's own
		}
		var names []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			names = append(names, label.GetName())
		}
		slices.Sort(names)
		got = append(got, family.GetName()+"{"+strings.Join(names, ",")+"}")
	}
	slices.Sort(got)
	if !slices.Equal(got, interfaceOfMetrics) {
		t.Errorf("metrics are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(interfaceOfMetrics, "\n"))
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(used(t, &clusters{cluster("orders", metav1.ConditionTrue)}).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestClustersComeAndGoWithTheCacheAndTheLease(t *testing.T) {
	t.Parallel()
	names := []string{"atlasdb_cluster_ready", "atlasdb_cluster_members", "atlasdb_cluster_ready_members"}
	sharded := cluster("cache", metav1.ConditionFalse)
	sharded.Spec.Engine, sharded.Spec.Shards = v1alpha1.EngineRedis, new(int32(4))
	listed := &clusters{cluster("orders", metav1.ConditionTrue), sharded}
	m := used(t, listed)
	check := func(want string) {
		t.Helper()
		if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
	}
	check(`
# HELP atlasdb_cluster_members Members that the spec asks for, over all shards.
# TYPE atlasdb_cluster_members gauge
atlasdb_cluster_members{engine="postgresql",name="orders",namespace="shop"} 3
atlasdb_cluster_members{engine="redis",name="cache",namespace="shop"} 12
# HELP atlasdb_cluster_ready 1 when the condition Ready is True, else 0.
# TYPE atlasdb_cluster_ready gauge
atlasdb_cluster_ready{engine="postgresql",name="orders",namespace="shop"} 1
atlasdb_cluster_ready{engine="redis",name="cache",namespace="shop"} 0
# HELP atlasdb_cluster_ready_members Members that are ready, over all shards.
# TYPE atlasdb_cluster_ready_members gauge
atlasdb_cluster_ready_members{engine="postgresql",name="orders",namespace="shop"} 2
atlasdb_cluster_ready_members{engine="redis",name="cache",namespace="shop"} 2
`)
	*listed = nil
	check("")
	*listed = clusters{cluster("orders", metav1.ConditionTrue)}
	m.SetLeading(false)
	check("")
}

func TestBrokenListerFailsTheScrape(t *testing.T) {
	t.Parallel()
	m := New()
	m.SetLeading(true)
	m.WatchClusters(brokenLister{})
	if _, err := m.registry.Gather(); err == nil {
		t.Error("Gather succeeded: a scrape without clusters would look like a platform without databases")
	}
}

func TestHandlerServesTheRegistry(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	scrape := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	used(t, &clusters{}).Handler().ServeHTTP(recorder, scrape)
	for _, want := range []string{
		`atlasdb_leader 1`,
		`atlasdb_informer_synced{kind="Secret",namespace=""} 0`,
		`atlasdb_workqueue_depth{namespace="",queue="databasecluster"} 1`,
		`atlasdb_sync_duration_seconds_count{controller="databasecluster",result="success"} 1`,
		`atlasdb_api_requests_total{code="200",resource="pods",verb="list"} 1`,
	} {
		if !strings.Contains(recorder.Body.String(), want+"\n") {
			t.Errorf("scrape lacks %s", want)
		}
	}
}

func TestReasonsOfFailoversAreBounded(t *testing.T) {
	t.Parallel()
	m := New()
	for _, reason := range []string{engine.FailoverExpired, engine.FailoverSwitchover, "a", "b", "c"} {
		m.ObserveFailover(reason)
	}
	if n := testutil.CollectAndCount(m.failovers); n != 3 {
		t.Errorf("%d series, want 3", n)
	}
	if n := testutil.ToFloat64(m.failovers.WithLabelValues("Other")); n != 3 {
		t.Errorf("Other has %v, want 3", n)
	}
}
