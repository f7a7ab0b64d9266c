// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func (f *Frame) dumpIfFailed() {
	f.Cleanup(func() {
		if f.Failed() {
			f.dump(context.Background())
		}
	})
}

// dump prints what is in the namespace, and what the operator said.
func (f *Frame) dump(ctx context.Context) {
	f.Logf("---- namespace %s", f.NS)
	if clusters, err := f.Atlas.AtlasDBV1alpha1().DatabaseClusters(f.NS).List(ctx, metav1.ListOptions{}); err == nil {
		for _, c := range clusters.Items {
			out, _ := yaml.Marshal(c.Status)
			f.Logf("DatabaseCluster %s\n%s", c.Name, out)
		}
	}
	if events, err := f.Kube.CoreV1().Events(f.NS).List(ctx, metav1.ListOptions{}); err == nil {
		for _, e := range events.Items {
			f.Logf("event %s %s/%s %s: %s", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Kind,
				e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
	for _, ns := range []string{f.NS, "atlasdb-system"} {
		pods, err := f.Kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, p := range pods.Items {
			f.Logf("pod %s/%s on %s: %s %v", ns, p.Name, p.Spec.NodeName, p.Status.Phase, p.Annotations)
			f.dumpLog(ctx, &p)
		}
	}
}

func (f *Frame) dumpLog(ctx context.Context, p *corev1.Pod) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second) // a node that is lost does not answer
	defer cancel()
	stream, err := f.Kube.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{
		Container: p.Spec.Containers[0].Name, TailLines: new(int64(60)),
	}).Stream(ctx)
	if err != nil {
		return
	}
	defer func() { _ = stream.Close() }()
	text, _ := io.ReadAll(stream)
	f.Logf("log of %s\n%s", p.Name, text)
}
