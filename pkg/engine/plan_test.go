// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"reflect"
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func TestPlanRoundTrip(t *testing.T) {
	t.Parallel()
	plan := Plan{
		Protocol: Protocol, ClusterUID: "u-1", Generation: 3, Namespace: "shop", Cluster: "orders",
		Engine: v1alpha1.EnginePostgreSQL, Build: "17.6", Members: []PlanMember{{Name: "orders-db-0", Host: "h"}},
		Files: map[string]string{"b": "2", "a": "1"}, Users: []PlanUser{{Name: "app", Verifier: "v"}},
	}
	encoded, hash, err := EncodePlan(plan)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodePlan(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(decoded, plan) {
		t.Errorf("decoded %+v, want %+v", decoded, plan)
	}
	if again, hashAgain, _ := EncodePlan(decoded); string(again) != string(encoded) || hashAgain != hash {
		t.Error("equal plans must have equal bytes: each difference makes every agent act")
	}
	plan.Files["a"] = "3"
	if _, other, _ := EncodePlan(plan); other == hash {
		t.Error("different plans must have different hashes")
	}
}

// TestAnEnsembleIsNoShard: its members have no data, and no part in what a write waits for.
func TestAnEnsembleIsNoShard(t *testing.T) {
	t.Parallel()
	plan := Plan{Durability: v1alpha1.DurabilityMajority, Members: []PlanMember{
		{Name: "orders-db-0"}, {Name: "orders-db-1"}, {Name: "orders-db-keeper-0", Component: "keeper"},
	}}
	if in := plan.InShard(0); len(in) != 2 || in[1].Name != "orders-db-1" {
		t.Errorf("shard 0 has %v", in)
	}
	if e := plan.Ensemble(); len(e) != 1 || e[0].Name != "orders-db-keeper-0" {
		t.Errorf("the ensemble has %v", e)
	}
	if q := plan.Quorum(); q.Count != 2 || len(q.Members) != 2 {
		t.Errorf("a write waits for %v", q)
	}
}

func TestDecodePlanRefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	for protocol, wantErr := range map[string]bool{"0": false, "1": false, "2": true, "-1": true} {
		_, err := DecodePlan([]byte(`{"protocol":` + protocol + `}`))
		if (err != nil) != wantErr {
			t.Errorf("protocol %s: error %v, want error: %v", protocol, err, wantErr)
		}
	}
	if _, err := DecodePlan([]byte("{")); err == nil {
		t.Error("half a plan must be refused")
	}
}

func TestReportRoundTrip(t *testing.T) {
	t.Parallel()
	report := MemberReport{
		Protocol: Protocol, Incarnation: "p/u/n", Role: v1alpha1.RoleReplica, CaughtUp: true,
		Quorum: &Quorum{Count: 2, Members: []string{"a", "b", "c"}}, PendingRestart: []string{"max_connections"},
		Problem: &Problem{Reason: v1alpha1.ReasonVolumeInUse, Message: "m"},
	}
	encoded, err := EncodeReport(report)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeReport(encoded)
	if err != nil || !reflect.DeepEqual(decoded, report) {
		t.Errorf("decoded %+v, %v, want %+v", decoded, err, report)
	}
	if strings.Contains(encoded, "problem\":null") {
		t.Error("what is absent must not be written")
	}
}

func TestAnAgentThatSaidNothingHasNoRole(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", "{", "[]"} {
		if r, _ := DecodeReport(said); r.Role != v1alpha1.RoleUnknown || r.Ready {
			t.Errorf("report %q: %+v, want role Unknown and not ready", said, r)
		}
	}
}
