// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2/ktesting"

	atlasfake "github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned/fake"
	"github.com/atlasdb/atlasdb/pkg/metrics"
)

// process is an operator on fake clients whose only extra is a controller of the test's own.
type process struct {
	*operator
	kube     *kubefake.Clientset
	probe    *probeController
	stop     context.CancelFunc
	returned chan error
}

// probeController runs what a test wants to see happen while the process drains.
type probeController struct {
	working  chan struct{}
	draining func()
	wedged   error
}

func (*probeController) Name() string   { return "probe" }
func (c *probeController) Check() error { return c.wedged }
func (c *probeController) Run(ctx context.Context, _ int) {
	close(c.working)
	<-ctx.Done()
	c.draining()
}

// launch starts a process that elects itself leader; prepare sees it before it starts.
func launch(t *testing.T, prepare func(*process)) *process {
	t.Helper()
	opts, err := Parse([]string{"--agent-image=example.com/atlasdb:v1", "--namespaces=shop,stock"})
	if err != nil {
		t.Fatal(err)
	}
	opts.MetricsAddress = "127.0.0.1:0"
	p := &process{
		kube:     kubefake.NewClientset(),
		probe:    &probeController{working: make(chan struct{}), draining: func() {}},
		returned: make(chan error, 1),
	}
	p.operator, err = newOperator(opts, metrics.New(), clients{kube: p.kube, atlas: atlasfake.NewClientset()}, &leader{
		opts: opts.LeaderElection,
		lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: opts.LeaderElection.Namespace, Name: opts.LeaderElection.Name},
			Client:     p.kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: "first"},
		},
		watchdog: leaderelection.NewLeaderHealthzAdaptor(expiredTolerance),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.controllers = append(p.controllers, p.probe)
	prepare(p)
	_, ctx := ktesting.NewTestContext(t)
	ctx, p.stop = context.WithCancel(ctx)
	if err := p.listen(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { p.returned <- p.run(ctx) }()
	return p
}

// get returns status and body, or status 0 when nobody answers.
func (p *process) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.server.Address()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	content, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// TestLifeOfTheProcess goes from start to a drain, in which all that work leans on must still be there.
func TestLifeOfTheProcess(t *testing.T) {
	t.Parallel()
	var drained bool
	p := launch(t, func(p *process) {
		p.probe.draining = func() {
			drained = true
			if who := holder(t, p.kube); who != "first" {
				t.Errorf("Lease is held by %q while a controller drains", who)
			}
			if status, body := p.get(t, "/readyz"); status != http.StatusOK {
				t.Errorf("/readyz while draining = %d %q", status, body)
			}
		}
	})
	<-p.probe.working
	for path, want := range map[string][]string{
		"/readyz":  {"ok"},
		"/healthz": {"ok"},
		"/metrics": {
			"atlasdb_leader 1\n",
			`atlasdb_informer_synced{kind="Pod",namespace="shop"} 1`,
			`atlasdb_informer_synced{kind="DatabaseCluster",namespace="stock"} 1`,
			`atlasdb_workqueue_depth{namespace="stock",queue="databasecluster"} 0`,
		},
	} {
		status, body := p.get(t, path)
		for _, text := range want {
			if status != http.StatusOK || !strings.Contains(body, text) {
				t.Errorf("%s = %d, want %q in\n%s", path, status, text, body)
			}
		}
	}

	p.stop()
	if err := <-p.returned; err != nil {
		t.Errorf("run = %v, want nil", err)
	}
	if !drained {
		t.Error("run returned before the controller had drained")
	}
	if who := holder(t, p.kube); who != "" {
		t.Errorf("Lease is still held by %q", who)
	}
	if status, _ := p.get(t, "/healthz"); status != 0 {
		t.Errorf("/healthz after the end = %d, want nobody to answer", status)
	}
}

func TestProbesNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := launch(t, func(p *process) {
		p.probe.wedged = errors.New("sync of shop/orders has been running for 5m0s")
		p.kube.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("pods is forbidden")
		})
	})
	defer func() {
		p.stop()
		if err := <-p.returned; err != nil {
			t.Errorf("run = %v, want nil", err)
		}
	}()
	want := "informers: not synced: Pod shop, Pod stock\n"
	for deadline := time.Now().Add(time.Minute); ; { // the others sync within milliseconds
		status, body := p.get(t, "/readyz")
		if status == http.StatusServiceUnavailable && body == want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("/readyz = %d %q, want %q", status, body, want)
		}
	}
	want = "probe: " + p.probe.wedged.Error() + "\n"
	if status, body := p.get(t, "/healthz"); status != http.StatusServiceUnavailable || body != want {
		t.Errorf("/healthz = %d %q, want %q", status, body, want)
	}
	select {
	case <-p.probe.working:
		t.Error("a process with empty caches took the Lease")
	default:
	}
}

func TestDropManagedFields(t *testing.T) {
	t.Parallel()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "orders-db-0", Labels: map[string]string{"a": "b"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet"}},
	}}
	got, err := dropManagedFields(pod)
	if err != nil || got != any(pod) || pod.ManagedFields != nil || pod.Labels["a"] != "b" {
		t.Errorf("dropManagedFields = %+v, %v", got, err)
	}
	tombstone := cache.DeletedFinalStateUnknown{Key: "shop/orders"}
	if got, err := dropManagedFields(tombstone); err != nil || got != any(tombstone) {
		t.Errorf("tombstone became %+v, %v", got, err)
	}
}
