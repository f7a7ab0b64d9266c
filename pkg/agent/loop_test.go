// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestAWordOfTheServerEndsTheSleep: a server that says that it was elected is seen at once.
func TestAWordOfTheServerEndsTheSleep(t *testing.T) {
	t.Parallel()
	a := voters(t, fake.NewClientset(), &voter{seen: serving()})
	changes := make(chan struct{}, 1)
	changes <- struct{}{}
	began := time.Now()
	if err := a.sleep(t.Context(), wakers{changes: changes, after: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if slept := time.Since(began); slept > 10*time.Second {
		t.Errorf("slept %v", slept)
	}
}

// TestANewPrimaryIsSaidToBeOneBeforeItIsTended: the Service of the primary leads nowhere until then. Only one that
// served is: another has to be tended first.
func TestANewPrimaryIsSaidToBeOneBeforeItIsTended(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""))
	follows := serving()
	follows.Server.InRecovery, follows.Server.Streaming = true, true
	v := &voter{seen: follows}
	a := voters(t, client, v)
	passes(t, a)
	if !a.said.Ready || a.said.Role != v1alpha1.RoleReplica {
		t.Fatalf("said %+v", a.said)
	}
	label := func() string {
		p, err := a.cluster.pod(t.Context(), me.Pod)
		if err != nil {
			t.Fatal(err)
		}
		return p.Labels[v1alpha1.LabelRole]
	}
	var before string
	v.seen, v.tended = serving(), func() { before = label() }
	if step, err := a.pass(t.Context(), false); err != nil || step.Kind != runbook.StepTend {
		t.Fatalf("took %v, %v", step, err)
	}
	if before != v1alpha1.RoleLabelPrimary {
		t.Errorf("while it was tended its label was %q, want %q", before, v1alpha1.RoleLabelPrimary)
	}
}
