// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

func following(primary string) runbook.Observation {
	o := serving()
	o.Standing = engine.Standing{Part: engine.PartFollow, Epoch: 2, Primary: primary}
	return o
}

// TestASilentPrimaryIsWatched: an agent that starts after the primary has died hears nothing of it, and learns from the
// pod that it is dead.
func TestASilentPrimaryIsWatched(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset(pod("orders-db-1", v1alpha1.RoleLabelPrimary)))
	if got := a.primaryState(t.Context(), following("orders-db-1")); got.Known {
		t.Errorf("known is %+v before anything was heard", got)
	}
	if a.cluster.holder != "orders-db-1" || a.cluster.pods == nil {
		t.Errorf("%q is watched", a.cluster.holder)
	}
}

// TestWhatThePrimarySaid: it counts for the member that said it, and only while that one is the primary to follow.
func TestWhatThePrimarySaid(t *testing.T) {
	t.Parallel()
	a := agentOn(t, fake.NewClientset())
	lineage := engine.Lineage{{Epoch: 2, Timeline: 1}}
	a.primary = primary{member: "orders-db-1", heard: true, asked: time.Now(), state: election.State{
		SystemID: "7", Leading: 2, Point: engine.Point{Lineage: lineage}, Engine: []byte("told"),
	}}
	a.primary.epoch = following("orders-db-1").Standing.Epoch
	a.cluster.holder, a.cluster.pods = "orders-db-1", a.cluster.byName("orders-db-1").Core().V1().Pods().Informer()
	primaryPod := pod("orders-db-1", v1alpha1.RoleLabelPrimary)
	primaryPod.Status.PodIP = "10.0.0.7"
	if err := a.cluster.pods.GetStore().Add(primaryPod); err != nil {
		t.Fatal(err)
	}
	got := a.primaryState(t.Context(), following("orders-db-1"))
	if !got.Known || got.Leading != 2 || got.SystemID != "7" || string(got.Engine) != "told" || got.Lineage.Epoch() != 2 ||
		got.Address != "10.0.0.7" {
		t.Errorf("got %+v", got)
	}
	if got := a.primaryState(t.Context(), serving()); got.Known || got.Address != "" {
		t.Errorf("a member that follows nobody knows %+v of its primary", got)
	}
	if got := a.primaryState(t.Context(), following("orders-db-2")); got.Known || got.Address != "" {
		t.Errorf("the next primary is known as %+v", got)
	}
}
