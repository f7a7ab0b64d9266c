// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

func TestSayIsOnePatchOfTheOwnPod(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	c := clusterOn(t, client)
	report := engine.MemberReport{Role: v1alpha1.RolePrimary, Ready: true, SystemID: "7"}
	if err := c.say(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	label, words, err := c.ownWords(t.Context())
	if err != nil || label != v1alpha1.RoleLabelPrimary {
		t.Errorf("label %q, %v", label, err)
	}
	if said, err := engine.DecodeReport(words); err != nil || !same(said, report) {
		t.Errorf("said %+v, %v", said, err)
	}
	if got := patched(client); !slices.Equal(got, []string{me.Pod}) {
		t.Errorf("patched %q, want one patch of the own pod", got)
	}
	if err := c.say(t.Context(), engine.MemberReport{Role: v1alpha1.RoleUnknown}); err != nil {
		t.Fatal(err)
	}
	if label, _, err := c.ownWords(t.Context()); err != nil || label != "" {
		t.Errorf("a member without a role has label %q, %v", label, err)
	}
}

// TestAReportIsOfThisPod: the API server refuses a patch that would change a UID, and so a late report cannot land on
// the next pod of the same name.
func TestAReportIsOfThisPod(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	if err := clusterOn(t, client).say(t.Context(), engine.MemberReport{}); err != nil {
		t.Fatal(err)
	}
	patch := client.Actions()[0].(clienttesting.PatchAction).GetPatch()
	var sent struct{ Metadata metav1.ObjectMeta }
	if err := json.Unmarshal(patch, &sent); err != nil || string(sent.Metadata.UID) != me.PodUID {
		t.Errorf("sent %s, %v, want the own UID in it", patch, err)
	}
}

func TestStripTakesOnlyThePrimarysLabel(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	c := clusterOn(t, client)
	if err := c.strip(t.Context(), "orders-db-1"); err != nil {
		t.Fatal(err)
	}
	p, err := client.CoreV1().Pods("shop").Get(t.Context(), "orders-db-1", metav1.GetOptions{})
	if err != nil || p.Labels[v1alpha1.LabelRole] != "" {
		t.Errorf("label %q is left, %v", p.Labels[v1alpha1.LabelRole], err)
	}
	if err := c.strip(t.Context(), "orders-db-2"); err != nil {
		t.Errorf("a pod that is not there has no label: %v", err)
	}
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "orders-db-3", nil) // the test op failed
	})
	if err := c.strip(t.Context(), "orders-db-3"); err != nil {
		t.Errorf("a replica's label is left where it is: %v", err)
	}
}

// TestAContainerThatEnded: only the container's own words prove that its engine is dead. A terminated state without
// them may be the kubelet's invention (PROTOCOL I5 c).
func TestAContainerThatEnded(t *testing.T) {
	t.Parallel()
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Message: message}}
	}
	const database = resource.EngineContainer
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for name, tt := range map[string]struct {
		container   string
		state, last corev1.ContainerState
		want        []string
	}{
		"ended":               {database, ended("n1"), corev1.ContainerState{}, []string{"orders-db-1/u-1/n1"}},
		"ended before":        {database, running, ended("n1"), []string{"orders-db-1/u-1/n1"}},
		"ended twice":         {database, ended("n2"), ended("n1"), []string{"orders-db-1/u-1/n2", "orders-db-1/u-1/n1"}},
		"without words":       {database, ended(""), ended(""), nil},
		"runs":                {database, running, corev1.ContainerState{}, nil},
		"another's container": {"sidecar", ended("n1"), corev1.ContainerState{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clusterOn(t, fake.NewClientset())
			p := pod("orders-db-1", "")
			p.Status.ContainerStatuses = []corev1.ContainerStatus{
				{Name: tt.container, State: tt.state, LastTerminationState: tt.last},
			}
			c.watchEnd(p)
			if got := c.elector.(*told).ended; !slices.Equal(got, tt.want) {
				t.Errorf("the election was told that %q ended, want %q", got, tt.want)
			}
		})
	}
}

// TestWhoIsWatched: an agent watches one pod, the holder's, and never its own.
func TestWhoIsWatched(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	c := clusterOn(t, client)
	if p := c.watchHolder(t.Context(), me.Pod); p != nil || c.pods != nil {
		t.Errorf("the own pod is watched: %v", p)
	}
	c.watchHolder(t.Context(), "orders-db-1")
	first := c.pods
	if err := first.GetStore().Add(pod("orders-db-1", v1alpha1.RoleLabelPrimary)); err != nil {
		t.Fatal(err)
	}
	if p := c.watchHolder(t.Context(), "orders-db-1"); p == nil || p.Name != "orders-db-1" || c.pods != first {
		t.Errorf("got %v, or began a second watch of the same pod", p)
	}
	if p := c.watchHolder(t.Context(), "orders-db-2"); p != nil && p.Name == "orders-db-1" {
		t.Error("the pod of the former holder counts as the new one's")
	}
}
