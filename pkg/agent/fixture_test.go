// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/agent/fence"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	pgrules "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

var me = Identity{Namespace: "shop", Cluster: "orders", Pod: "orders-db-0", PodUID: "u-1", Nonce: "n"}

func pod(name, role string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "u-1"}}
	if role != "" {
		p.Labels = map[string]string{v1alpha1.LabelRole: role}
	}
	return p
}

// told is an election that only listens.
type told struct {
	records []election.Record
	ended   []string
}

func (e *told) LeaseChanged(r election.Record) { e.records = append(e.records, r) }
func (e *told) HolderEnded(incarnation string) { e.ended = append(e.ended, incarnation) }

func clusterOn(t *testing.T, client *fake.Clientset) *cluster {
	t.Helper()
	c, err := newCluster(client, me, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.watchLeaseFor(&told{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// unarmed is a fence that is never needed.
type unarmed struct{}

func (unarmed) Arm(time.Duration) error { return nil }
func (unarmed) Fence(string)            {}

// agentOn is an agent with an empty volume, whose server never runs.
func agentOn(t *testing.T, client *fake.Clientset) *Agent {
	t.Helper()
	a, err := New(Options{
		Identity: me, Client: client, Fence: unarmed{}, Clock: fence.Clock{},
		Peers: peer.NewClient(peer.NewCredentials(t.TempDir(), "member"), 1),
		Engine: Engine{Rules: pgrules.Runbook, Durability: v1alpha1.EffectiveMajority, Driver: postgresql.New(
			postgresql.Options{
				Member: me.Pod, Root: t.TempDir(), SocketDirectory: t.TempDir(), Reaper: process.NewReaper(),
			},
		)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// patched names the pods that were patched, sorted.
func patched(client *fake.Clientset) (names []string) {
	for _, action := range client.Actions() {
		if patch, ok := action.(clienttesting.PatchAction); ok {
			names = append(names, patch.GetName())
		}
	}
	slices.Sort(names)
	return names
}

// serving is an observation of a server that runs.
func serving() runbook.Observation {
	return runbook.Observation{
		Member: me.Pod, Volume: runbook.Volume{Locked: true, HasData: true, SystemID: "7"},
		Server: runbook.Server{Running: true, Accepting: true, Timeline: 3, Version: "17.6"},
	}
}
