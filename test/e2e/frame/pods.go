// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// rightNow is different each time.
func rightNow() string { return time.Now().Format(time.RFC3339Nano) }

// Pods are the UIDs of the namespace's pods, by name.
func (f *Frame) Pods() map[string]types.UID {
	f.Helper()
	list, err := f.Kube.CoreV1().Pods(f.NS).List(f.Context(), metav1.ListOptions{})
	f.Must(err)
	uids := map[string]types.UID{}
	for _, p := range list.Items {
		uids[p.Name] = p.UID
	}
	return uids
}

// DeletePod deletes a pod and waits until another of its name is there.
func (f *Frame) DeletePod(name string) {
	f.Helper()
	pods := f.Kube.CoreV1().Pods(f.NS)
	old, err := pods.Get(f.Context(), name, metav1.GetOptions{})
	f.Must(err)
	f.Must(pods.Delete(f.Context(), name, *metav1.NewPreconditionDeleteOptions(string(old.UID))))
	f.Must(AwaitObject(f.Context(), pods, name, func(p *corev1.Pod) bool { return p.UID != old.UID }))
	f.Step("deleted pod %s, and another is there", name)
}

// Container is the id of the engine's container in a pod, "" while it has none.
func (f *Frame) Container(pod string) string {
	f.Helper()
	p, err := f.Kube.CoreV1().Pods(f.NS).Get(f.Context(), pod, metav1.GetOptions{})
	f.Must(err)
	return container(p)
}

func container(p *corev1.Pod) string {
	if len(p.Status.ContainerStatuses) == 0 {
		return ""
	}
	return p.Status.ContainerStatuses[0].ContainerID
}

// AwaitOtherContainer waits until a pod's engine is in another container than that one: until then the API may go on
// telling that it is ready.
func (f *Frame) AwaitOtherContainer(pod, old string) {
	f.Helper()
	f.Must(AwaitObject(f.Context(), f.Kube.CoreV1().Pods(f.NS), pod, func(p *corev1.Pod) bool {
		now := container(p)
		return now != "" && now != old
	}))
	f.Step("%s has another container", pod)
}

// findByName prints the process id and the start time of the children of a container's first process that have one of
// some names.
// It needs nothing but a shell and the simplest of programs.
const findByName = `for p in /proc/[0-9]*; do
  read -r name <$p/comm && [ -z "${1##* $name *}" ] && grep -q '^PPid:.1$' $p/status &&
    echo ${p#/proc/} $(cut -d' ' -f22 $p/stat)
done 2>/dev/null; true`

// Server tells the server's process of a pod from every other that there was: its id and its start time. It is known by
// its name as the kernel has it (/proc/PID/comm), of at most 15 characters, or by one of several. "" is none, as while
// it restarts.
func (f *Frame) Server(ctx context.Context, pod string, names ...string) string {
	f.Helper()
	return strings.TrimSpace(f.exec(ctx, pod, "sh", "-c", findByName, "sh", " "+strings.Join(names, " ")+" "))
}

// KillServer sends SIGKILL to the server's process of a pod.
func (f *Frame) KillServer(pod string, names ...string) {
	f.Helper()
	f.SignalServer(pod, "KILL", names...)
}

// SignalServer sends a signal to the server's process of a pod.
func (f *Frame) SignalServer(pod, signal string, names ...string) {
	f.Helper()
	id, _, found := strings.Cut(f.Server(f.Context(), pod, names...), " ")
	if !found {
		f.Fatalf("pod %s has no process %q", pod, names)
	}
	f.Exec(pod, "sh", "-c", "kill -"+signal+" "+id)
	f.Step("sent SIG%s to %s of %s", signal, strings.Join(names, " or "), pod)
}

// Exec runs a program in the engine's container and gives what it printed. A signal that kills the session with its
// target is no failure.
func (f *Frame) Exec(pod string, argv ...string) string {
	f.Helper()
	return f.exec(f.Context(), pod, argv...)
}

func (f *Frame) exec(ctx context.Context, pod string, argv ...string) string {
	f.Helper()
	out, err := f.kubectl(ctx, append([]string{"exec", pod, "-c", "engine", "--"}, argv...)...)
	if err != nil {
		f.Logf("exec in %s: %v", pod, err)
	}
	return out
}

// Objects lists what a cluster is made of by name, so that two moments can be compared.
func (f *Frame) Objects(ctx context.Context, cluster string) string {
	f.Helper()
	all, err := f.kubectl(ctx, "get", "-l", "atlasdb.io/cluster="+cluster, "-o", "name",
		"services,secrets,roles,rolebindings,serviceaccounts,poddisruptionbudgets,networkpolicies,leases,pvc")
	f.Must(err)
	return all
}

// Kubectl runs kubectl in the namespace.
func (f *Frame) Kubectl(args ...string) {
	f.Helper()
	_, err := f.kubectl(f.Context(), args...)
	f.Must(err)
}

func (f *Frame) kubectl(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, kubectlProgram(), append([]string{"--namespace=" + f.NS}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err := cmd.Run()
	return out.String(), err
}
