// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
)

const (
	patience = 60 * time.Second
	postgres = 999 // user and group of the vendor's image

	// serve makes a database in a folder of the volume, since the volume itself belongs to root, and serves it.
	serve = `set -e; data=/var/lib/postgresql/data/db; mkdir -m 700 $data
initdb --pgdata=$data --auth=trust --username=postgres
echo 'host all all all trust' >> $data/pg_hba.conf
exec postgres -D $data -c listen_addresses='*'`
)

// ground is a namespace of its own in the cluster.
type ground struct {
	*testing.T
	config    *rest.Config
	client    kubernetes.Interface
	namespace string
}

func newGround(t *testing.T) ground {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	g := ground{T: t, config: config, client: kubernetes.NewForConfigOrDie(config)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "smoke-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	made, err := g.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g.namespace = made.Name
	t.Cleanup(func() {
		err := g.client.CoreV1().Namespaces().Delete(context.Background(), g.namespace, metav1.DeleteOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	return g
}

// A restricted pod with a volume that only fsGroup opens serves a pod on another node, by name, through a Service.
func TestDatabaseIsServedAcrossNodes(t *testing.T) {
	g := newGround(t)
	g.createVolume("data")
	g.createService("db")
	server := pod("server", "db", "zone-1", "localhost/postgres:17", serve)
	server.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
	}}}
	container := &server.Spec.Containers[0]
	container.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/var/lib/postgresql/data"}}
	container.ReadinessProbe = &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
		Exec: &corev1.ExecAction{Command: []string{"pg_isready"}},
	}}
	g.createPod(server)
	g.createPod(pod("client", "client", "zone-2", "localhost/postgres:15", "exec sleep infinity"))
	g.awaitReady("server")
	g.awaitReady("client")

	address := "db." + g.namespace + ".svc.cluster.local"
	version := g.exec("client",
		"psql", "--host="+address, "--username=postgres", "--tuples-only", "--command=SHOW server_version")
	if !strings.HasPrefix(strings.TrimSpace(version), "17.") {
		t.Errorf("server version %q", version)
	}
	owner := g.exec("server", "stat", "--format=%u:%g", "/var/lib/postgresql/data")
	if strings.TrimSpace(owner) != "0:999" {
		t.Errorf("the volume belongs to %s, want fsGroup alone to open it", owner)
	}
	if log := g.log("server"); !strings.Contains(log, "database system is ready to accept connections") {
		t.Errorf("log of the server:\n%s", log)
	}
}

// A container that ends is started again within seconds, however often it does.
func TestCrashedContainerIsBackAtOnce(t *testing.T) {
	g := newGround(t)
	g.createPod(pod("crasher", "crasher", "zone-3", "localhost/postgres:17", "exit 1"))
	started := time.Now()
	g.await("crasher restarted five times", func() bool {
		status := g.get("crasher").Status.ContainerStatuses
		return len(status) > 0 && status[0].RestartCount >= 5
	})
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("five restarts took %s", took)
	}
}

// What the API server answers for is in the audit log by then.
func TestAuditLogIsWrittenBeforeTheAnswer(t *testing.T) {
	path := os.Getenv("AUDIT_LOG")
	if path == "" {
		t.Skip("AUDIT_LOG does not name the audit log")
	}
	g := newGround(t)
	for n := range 20 {
		name := fmt.Sprintf("%s-%d", g.namespace, n)
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := g.client.CoreV1().ConfigMaps(g.namespace).Create(t.Context(), object, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content, []byte(name)) {
			t.Fatalf("the creation of %s is not in the audit log", name)
		}
	}
}

func pod(name, app, zone, image, script string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelTopologyZone: zone},
			TerminationGracePeriodSeconds: new(int64(1)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(postgres)), RunAsGroup: new(int64(postgres)),
				FSGroup:        new(int64(postgres)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "main", Image: image, Command: []string{"sh", "-c", script},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

func (g ground) createPod(pod *corev1.Pod) {
	g.Helper()
	if _, err := g.client.CoreV1().Pods(g.namespace).Create(g.Context(), pod, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
}

func (g ground) createVolume(name string) {
	g.Helper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		},
	}
	claims := g.client.CoreV1().PersistentVolumeClaims(g.namespace)
	if _, err := claims.Create(g.Context(), claim, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
}

func (g ground) createService(name string) {
	g.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Port: 5432, TargetPort: intstr.FromInt32(5432)}},
		},
	}
	if _, err := g.client.CoreV1().Services(g.namespace).Create(g.Context(), service, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
}

func (g ground) get(name string) *corev1.Pod {
	g.Helper()
	pod, err := g.client.CoreV1().Pods(g.namespace).Get(g.Context(), name, metav1.GetOptions{})
	if err != nil {
		g.Fatal(err)
	}
	return pod
}

func (g ground) awaitReady(name string) {
	g.Helper()
	g.await(name+" ready", func() bool {
		for _, condition := range g.get(name).Status.Conditions {
			if condition.Type == corev1.PodReady {
				return condition.Status == corev1.ConditionTrue
			}
		}
		return false
	})
}

func (g ground) await(what string, done func() bool) {
	g.Helper()
	started := time.Now()
	for !done() {
		if time.Since(started) > patience {
			g.Fatalf("%s: not after %s", what, patience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	g.Logf("%s after %.1f s", what, time.Since(started).Seconds())
}

func (g ground) exec(pod string, command ...string) string {
	g.Helper()
	request := g.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(g.namespace).Name(pod).
		SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true},
			scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(g.config, "GET", request.URL().String())
	if err != nil {
		g.Fatal(err)
	}
	var out, problems bytes.Buffer
	streams := remotecommand.StreamOptions{Stdout: &out, Stderr: &problems}
	if err := executor.StreamWithContext(g.Context(), streams); err != nil {
		g.Fatalf("%v: %v\n%s", command, err, problems.String())
	}
	return out.String()
}

func (g ground) log(pod string) string {
	g.Helper()
	stream, err := g.client.CoreV1().Pods(g.namespace).GetLogs(pod, &corev1.PodLogOptions{}).Stream(g.Context())
	if err != nil {
		g.Fatal(err)
	}
	defer stream.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(stream)
	if err != nil {
		g.Fatal(err)
	}
	return string(content)
}
