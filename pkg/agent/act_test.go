// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestAnAgentBeginsAsNobody: the label of an earlier life would send writes to a member that is not primary any more,
// and its report would tell the operator so (PROTOCOL I7).
func TestAnAgentBeginsAsNobody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		label, report string
		writes        int
	}{
		"new":                {"", "", 0},
		"a replica":          {v1alpha1.RoleLabelReplica, `{"role":"Replica"}`, 1},
		"a primary":          {v1alpha1.RoleLabelPrimary, `{"role":"Primary","ready":true}`, 1},
		"only a report":      {"", `{"role":"Primary","ready":true}`, 1},
		"a label by mistake": {v1alpha1.RoleLabelPrimary, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pod(me.Pod, tt.label)
			if tt.report != "" {
				p.Annotations = map[string]string{v1alpha1.AnnotationMember: tt.report}
			}
			client := fake.NewClientset(p)
			if err := agentOn(t, client).becomeNobody(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := patched(client); len(got) != tt.writes {
				t.Errorf("patched %q, want %d patches", got, tt.writes)
			}
			after, err := client.CoreV1().Pods("shop").Get(t.Context(), me.Pod, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if label, labelled := after.Labels[v1alpha1.LabelRole]; labelled {
				t.Errorf("label %q is left", label)
			}
			said, err := engine.DecodeReport(after.Annotations[v1alpha1.AnnotationMember])
			if err != nil || said.Role != v1alpha1.RoleUnknown || said.Ready {
				t.Errorf("said %+v, %v, want nobody", said, err)
			}
			if tt.writes > 0 && said.Incarnation != me.Incarnation() {
				t.Errorf("said by %q, want this life", said.Incarnation)
			}
		})
	}
	if err := agentOn(t, fake.NewClientset()).becomeNobody(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("a pod that cannot be read gave %v: whether it has a label is not known", err)
	}
}

// TestOthersLoseTheLabelBeforeAPromotion: a promotion beside a second labelled pod would split the writes.
func TestOthersLoseTheLabelBeforeAPromotion(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""), pod("orders-db-1", v1alpha1.RoleLabelPrimary))
	client.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.(clienttesting.PatchAction).GetName() != "orders-db-2" {
			return false, nil, nil
		}
		return true, nil, apierrors.NewInternalError(errors.New("no quorum"))
	})
	a := agentOn(t, client)
	for _, name := range []string{me.Pod, "orders-db-1", "orders-db-2", "orders-db-3"} {
		a.plan.Members = append(a.plan.Members, engine.PlanMember{Name: name})
	}
	err := a.act(t.Context(), runbook.Observation{}, runbook.Step{Kind: runbook.StepPromote})
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), "orders-db-2") {
		t.Errorf("got %v: a label that may be left must keep the member from being promoted", err)
	}
	if got, want := patched(client), []string{"orders-db-1", "orders-db-2", "orders-db-3"}; !slices.Equal(got, want) {
		t.Errorf("patched %q, want %q, and not the own pod", got, want)
	}
}

// TestWithoutALabelNobodyIsPromoted: its writes would find no way to it, and the Lease would be held for nothing.
func TestWithoutALabelNobodyIsPromoted(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	a := agentOn(t, client)
	a.plan.Members = []engine.PlanMember{{Name: me.Pod}}
	err := a.act(t.Context(), serving(), runbook.Step{Kind: runbook.StepPromote})
	if !apierrors.IsNotFound(err) || a.saidOnce {
		t.Errorf("got %v, said is %v: the label could not be put on", err, a.saidOnce)
	}
}

// TestTheFirstPrimaryHasNoLabelYet: nobody else can have it, and it comes when the quorum is in force.
func TestTheFirstPrimaryHasNoLabelYet(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod(me.Pod, ""), pod("orders-db-1", ""))
	a := agentOn(t, client)
	a.plan.Members = []engine.PlanMember{{Name: me.Pod}, {Name: "orders-db-1"}}
	a.standing = engine.Standing{Part: engine.PartLead, Epoch: 1, Found: true}
	// Its server does not run, so that the promotion itself fails.
	if err := a.act(t.Context(), serving(), runbook.Step{Kind: runbook.StepPromote}); err == nil {
		t.Error("a server that does not run was promoted")
	}
	if got := patched(client); len(got) > 0 || a.saidOnce {
		t.Errorf("patched %q", got)
	}
}

// TestSource: a member follows by name, and by the address that needs no DNS.
func TestSource(t *testing.T) {
	t.Parallel()
	a := &Agent{}
	a.plan.Members = []engine.PlanMember{{Name: "orders-db-1", Host: "h1"}}
	lineage := engine.Lineage{{Epoch: 1, Timeline: 1}}
	o := runbook.Observation{Primary: runbook.PrimaryState{Address: "10.0.0.7", Lineage: lineage}}
	want := runbook.Source{Member: "orders-db-1", Host: "h1", Address: "10.0.0.7", Lineage: lineage}
	if got := a.source("orders-db-1", o); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := a.source("", o); !reflect.DeepEqual(got, runbook.Source{}) {
		t.Errorf("nobody gives %+v", got)
	}
}
