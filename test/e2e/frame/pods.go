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

// findByName prints the process id and the start time of the children of a container's first process that have a name.
// It needs nothing but a shell and the simplest of programs.
const findByName = `for p in /proc/[0-9]*; do
  read -r name <$p/comm && [ "$name" = "$1" ] && grep -q '^PPid:.1$' $p/status &&
    echo ${p#/proc/} $(cut -d' ' -f22 $p/stat)
done 2>/dev/null; true`

// Server tells the server's process of a pod from every other that there was: its id and its start time. It is known by
// its name as the kernel has it (/proc/PID/comm), of at most 15 characters.
func (f *Frame) Server(pod, process string) string {
	f.Helper()
	found := strings.TrimSpace(f.Exec(pod, "sh", "-c", findByName, "sh", process))
	if len(strings.Fields(found)) != 2 {
		f.Fatalf("pod %s: one process %q was looked for, found was %q", pod, process, found)
	}
	return found
}

// KillServer sends SIGKILL to the server's process of a pod.
func (f *Frame) KillServer(pod, process string) {
	f.Helper()
	id, _, _ := strings.Cut(f.Server(pod, process), " ")
	f.Exec(pod, "sh", "-c", "kill -9 "+id)
	f.Step("killed %s of %s", process, pod)
}

// Exec runs a program in the engine's container and gives what it printed. A signal that kills the session with its
// target is no failure.
func (f *Frame) Exec(pod string, argv ...string) string {
	f.Helper()
	out, err := f.kubectl(f.Context(), append([]string{"exec", pod, "-c", "engine", "--"}, argv...)...)
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
