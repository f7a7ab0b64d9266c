// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/yaml"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
)

// deadline is how long a test waits for anything before it fails. Real databases come up in seconds; the rest is for a
// busy machine.
const deadline = 2 * time.Minute

// frame is what a test stands on: clients, and a namespace of its own.
type frame struct {
	*testing.T
	config *rest.Config
	kube   kubernetes.Interface
	atlas  versioned.Interface
	ns     string
	began  time.Time
}

// newFrame makes a namespace that enforces Pod Security restricted. When the test fails, what is in it is printed.
func newFrame(t *testing.T) *frame {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	config.UserAgent = "atlasdb-e2e"
	f := &frame{
		T: t, config: config, began: time.Now(),
		kube: kubernetes.NewForConfigOrDie(config), atlas: versioned.NewForConfigOrDie(config),
	}
	ns, err := f.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	f.must(err)
	f.ns = ns.Name
	t.Cleanup(func() {
		ctx := context.Background()
		if t.Failed() {
			f.dump(ctx)
		}
		if err := f.kube.CoreV1().Namespaces().Delete(ctx, f.ns, metav1.DeleteOptions{}); err != nil {
			t.Logf("Deleting namespace: %v", err)
		}
	})
	return f
}

func (f *frame) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// step prints what the test has reached, and when.
func (f *frame) step(format string, args ...any) {
	f.Helper()
	f.Logf("%6.1fs  %s", time.Since(f.began).Seconds(), fmt.Sprintf(format, args...))
}

// newCluster is a small PostgreSQL; change may make it another.
func (f *frame) newCluster(name string, members int32, change ...func(*v1alpha1.DatabaseCluster)) {
	f.Helper()
	c := &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: v1alpha1.EnginePostgreSQL, Version: "17", Members: members,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
			Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("256Mi"),
			}},
		},
	}
	for _, x := range change {
		x(c)
	}
	_, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns).Create(f.Context(), c, metav1.CreateOptions{})
	f.must(err)
}

// await watches a cluster until it is as wanted.
func (f *frame) await(name, what string, wanted func(*v1alpha1.DatabaseCluster) bool) *v1alpha1.DatabaseCluster {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), deadline)
	defer cancel()
	clusters := f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns)
	var last *v1alpha1.DatabaseCluster
	_, err := watchtools.UntilWithSync(ctx, byName(name, clusters.List, clusters.Watch),
		&v1alpha1.DatabaseCluster{}, nil, func(e watch.Event) (bool, error) {
			c, ok := e.Object.(*v1alpha1.DatabaseCluster)
			if !ok || e.Type == watch.Deleted {
				return false, nil
			}
			last = c
			return wanted(c), nil
		})
	if err != nil {
		f.Fatalf("waiting for %s of %s: %v\n%s", what, name, err, story(last))
	}
	f.step("%s: %s", name, what)
	return last
}

// story is a cluster in a few lines, for the first look at a failure; dump has the rest.
func story(c *v1alpha1.DatabaseCluster) string {
	if c == nil {
		return "it was never seen"
	}
	lines := []string{fmt.Sprintf("generation %d, observed %d, primary %q, ready %q", c.Generation,
		c.Status.ObservedGeneration, c.Status.Primary, c.Status.ReadyMembers)}
	for _, cond := range c.Status.Conditions {
		lines = append(lines, fmt.Sprintf("%s=%s/%s: %s", cond.Type, cond.Status, cond.Reason, cond.Message))
	}
	return strings.Join(lines, "\n")
}

// byName lists and watches one object.
func byName[L runtime.Object](
	name string, list func(context.Context, metav1.ListOptions) (L, error),
	watching func(context.Context, metav1.ListOptions) (watch.Interface, error),
) *cache.ListWatch {
	one := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		return o
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return list(ctx, one(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return watching(ctx, one(o))
		},
	}
}

// awaitReady waits until the newest spec is Ready with all its members.
func (f *frame) awaitReady(name string) *v1alpha1.DatabaseCluster {
	f.Helper()
	return f.await(name, "Ready", func(c *v1alpha1.DatabaseCluster) bool {
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == c.Generation &&
			c.Status.ReadyMembers == c.Spec.Members && c.Status.Members == c.Spec.Members
	})
}

// awaitReason waits until a condition has a reason, and its message the given words.
func (f *frame) awaitReason(name, condition, reason, words string) {
	f.Helper()
	f.await(name, condition+"/"+reason, func(c *v1alpha1.DatabaseCluster) bool {
		got := meta.FindStatusCondition(c.Status.Conditions, condition)
		return got != nil && got.Reason == reason && strings.Contains(got.Message, words)
	})
}

// eventually tries something that cannot be watched, such as a statement on a database that restarts.
func (f *frame) eventually(what string, try func(context.Context) error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), deadline)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			f.step("%s", what)
			return
		}
		select {
		case <-ctx.Done():
			f.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

// route is how an application logs in through a Service: as the binding Secret says, over TLS, and sure of whom it
// talks to. The host's route to the Service network stands for the pod network.
func (f *frame) route(ctx context.Context, cluster, service string) (*pgx.ConnConfig, error) {
	s, err := f.kube.CoreV1().Secrets(f.ns).Get(ctx, cluster+"-app", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	svc, err := f.kube.CoreV1().Services(f.ns).Get(ctx, service, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(string(s.Data["uri"]))
	if err != nil {
		return nil, err
	}
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(s.Data["ca.crt"])
	config.TLSConfig = &tls.Config{
		RootCAs: authority, ServerName: service + "." + f.ns + ".svc", MinVersion: tls.VersionTLS12,
	}
	config.Host, config.ConnectTimeout = svc.Spec.ClusterIP, 2*time.Second
	config.Fallbacks = nil
	return config, nil
}

// query asks a cluster through one of its Services, as an application would.
func (f *frame) query(ctx context.Context, cluster, service, sql string) (answer string, err error) {
	config, err := f.route(ctx, cluster, service)
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return "", err
	}
	answers, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		values := r.RawValues()
		if len(values) == 0 {
			return "", nil
		}
		return string(values[0]), nil
	})
	return strings.Join(answers, "\n"), err
}

// write and mustHave are the test's own data.
func (f *frame) write(cluster string, rows int) {
	f.Helper()
	f.eventually(fmt.Sprintf("wrote %d rows", rows), func(ctx context.Context) error {
		if _, err := f.query(ctx, cluster, cluster+"-rw", "CREATE TABLE IF NOT EXISTS seen (n int PRIMARY KEY)"); err != nil {
			return err
		}
		_, err := f.query(ctx, cluster, cluster+"-rw", fmt.Sprintf(
			"INSERT INTO seen SELECT generate_series(1, %d) ON CONFLICT DO NOTHING", rows))
		return err
	})
}

func (f *frame) mustHave(cluster, service string, rows int) {
	f.Helper()
	f.eventually(fmt.Sprintf("found %d rows through %s", rows, service), func(ctx context.Context) error {
		got, err := f.query(ctx, cluster, service, "SELECT count(*)::text FROM seen")
		if err == nil && got != fmt.Sprint(rows) {
			err = fmt.Errorf("%s rows, want %d", got, rows)
		}
		return err
	})
}

// dump prints what is in the namespace, and what the operator said.
func (f *frame) dump(ctx context.Context) {
	f.Logf("---- namespace %s", f.ns)
	if clusters, err := f.atlas.AtlasDBV1alpha1().DatabaseClusters(f.ns).List(ctx, metav1.ListOptions{}); err == nil {
		for _, c := range clusters.Items {
			out, _ := yaml.Marshal(c.Status)
			f.Logf("DatabaseCluster %s\n%s", c.Name, out)
		}
	}
	if events, err := f.kube.CoreV1().Events(f.ns).List(ctx, metav1.ListOptions{}); err == nil {
		for _, e := range events.Items {
			f.Logf("event %s %s/%s %s: %s", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Kind,
				e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
	for _, ns := range []string{f.ns, "atlasdb-system"} {
		pods, err := f.kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, p := range pods.Items {
			f.Logf("pod %s/%s on %s: %s %v", ns, p.Name, p.Spec.NodeName, p.Status.Phase, p.Annotations)
			f.dumpLog(ctx, &p)
		}
	}
}

func (f *frame) dumpLog(ctx context.Context, p *corev1.Pod) {
	stream, err := f.kube.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{
		Container: p.Spec.Containers[0].Name, TailLines: new(int64(60)),
	}).Stream(ctx)
	if err != nil {
		return
	}
	defer func() { _ = stream.Close() }()
	text, _ := io.ReadAll(stream)
	f.Logf("log of %s\n%s", p.Name, text)
}
