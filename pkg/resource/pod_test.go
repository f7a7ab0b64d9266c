// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	psapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestPodIsRestricted asks the code of the admission plugin itself.
func TestPodIsRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := psapi.LevelVersion{Level: psapi.LevelRestricted, Version: psapi.LatestVersion()}
	for name, cluster := range clusters {
		pod := stored(t, Pod(podInput(cluster()))).(*corev1.Pod)
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
		if !result.Allowed {
			t.Errorf("%s: %s", name, result.ForbiddenDetail())
		}
	}
}

// TestPodHash: an operator with a newer agent calls no pod outdated, and everything else does.
func TestPodHash(t *testing.T) {
	t.Parallel()
	hashOf := func(change func(*PodInput)) string {
		in := podInput(minimal())
		change(&in)
		return Pod(in).Annotations[v1alpha1.AnnotationPodHash]
	}
	first := hashOf(func(*PodInput) {})
	same := map[string]func(*PodInput){
		"nothing":       func(*PodInput) {},
		"a newer agent": func(in *PodInput) { in.Agent.Image = "example.com/atlasdb:2" },
		"another log":   func(in *PodInput) { in.Agent.LogFormat = "json" },
		"parameters": func(in *PodInput) {
			in.Cluster.Spec.Parameters = map[string]v1alpha1.ParameterValue{"work_mem": "1GB"}
		},
		"another member count": func(in *PodInput) { in.Cluster.Spec.Members = 5 },
		"a quantity in another form": func(in *PodInput) {
			in.Cluster.Spec.Resources.Requests[corev1.ResourceMemory] = resource.MustParse("524288Ki")
		},
	}
	for name, change := range same {
		if hashOf(change) != first {
			t.Errorf("%s changes the hash", name)
		}
	}
	for name, change := range map[string]func(*PodInput){
		"another image": func(in *PodInput) { in.Image = "docker.io/library/postgres:17.7" },
		"another build": func(in *PodInput) { in.Build = "17.7" },
		"another user":  func(in *PodInput) { in.RunAsUser = 26 },
		"more memory": func(in *PodInput) {
			in.Cluster.Spec.Resources.Requests[corev1.ResourceMemory] = resource.MustParse("1Gi")
		},
		"another node": func(in *PodInput) { in.Cluster.Spec.Scheduling.NodeSelector = map[string]string{"a": "b"} },
		"stricter spread": func(in *PodInput) {
			in.Cluster.Spec.Scheduling.Spread.Zone = v1alpha1.SpreadRequired
		},
	} {
		if hashOf(change) == first {
			t.Errorf("%s does not change the hash", name)
		}
	}
}

// TestPodIsBuiltAlike: maps in the spec must not make a pod differ from itself.
func TestPodIsBuiltAlike(t *testing.T) {
	t.Parallel()
	first := PodHash(Pod(podInput(maximal())))
	for range 20 {
		if PodHash(Pod(podInput(maximal()))) != first {
			t.Fatal("the same input gave another pod")
		}
	}
}

func BenchmarkPod(b *testing.B) {
	in := podInput(maximal())
	for b.Loop() {
		Pod(in)
	}
}
