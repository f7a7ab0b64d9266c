// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	for cluster, want := range map[*v1alpha1.DatabaseCluster]Place{
		minimal():    {Ordinal: MaxMembers - 1},
		sharded():    {Shard: MaxShards - 1, Ordinal: MaxMembers - 1},
		leaderless(): {Component: "keeper", Ordinal: MaxEnsemble - 1},
	} {
		names := possibleMembers(cluster, topologyOf(cluster))
		if last, ok := PlaceOf(cluster, names[len(names)-1]); !ok || last != want {
			t.Errorf("the last member is at %v, %v, want %v", last, ok, want)
		}
		for i, name := range names {
			at, ok := PlaceOf(cluster, name)
			if !ok || MemberName(cluster, at) != name {
				t.Errorf("%s: got %v, %v", name, at, ok)
			}
			if before, _ := PlaceOf(cluster, names[max(0, i-1)]); i > 0 && before.Compare(at) >= 0 {
				t.Errorf("%v does not come before %v", before, at)
			}
		}
	}
}

func TestStrangersHaveNoPlace(t *testing.T) {
	t.Parallel()
	strangers := []string{
		"", "-", "orders", "orders-db", "orders-db-", "orders-db--1", "orders-db-+1", "orders-db-1x", "orders-db-plan",
		"orders-db-99999999999999999999", "orders-db-keeper", "orders-db-keeper-", "orders-db-keeper-5",
		"orders-db-keeper-00", "orders-db-keeper2-0", "orders-db-Keeper-0", "orders-db-keeper-0-0", "orders-keeper-0",
	}
	single := append([]string{
		"orders-db-7", "orders-db-00", "orders-db-01", "invoices-db-0", "orders-db-db-0", "xorders-db-0", "orders-db-0-0",
	}, strangers...)
	for _, name := range single {
		if got, ok := PlaceOf(minimal(), name); ok {
			t.Errorf("%q was taken for the member at %v", name, got)
		}
		if got, ok := Ordinal("orders", name); ok {
			t.Errorf("%q was taken for member %d", name, got)
		}
	}
	grouped := append([]string{
		"orders-db-0", "orders-db-32-0", "orders-db-0-7", "orders-db-00-1", "orders-db-0-01", "orders-db--0", "orders-db-0-",
		"orders-db-0-0-0", "invoices-db-0-0", "xorders-db-0-0",
	}, strangers...)
	for _, name := range grouped {
		if got, ok := PlaceOf(sharded(), name); ok {
			t.Errorf("%q was taken for the member at %v", name, got)
		}
	}
}

// namesOf are the names of all children of a cluster.
func namesOf(cluster *v1alpha1.DatabaseCluster) []string {
	name := cluster.Name
	return append([]string{
		ReadWriteServiceName(name), ReadOnlyServiceName(name), AppSecretName(name), PlanSecretName(name),
		TLSSecretName(name), CASecretName(name), HeadlessServiceName(name),
		EnsembleName(name, "keeper"),
	}, possibleMembers(cluster, topologyOf(cluster))...)
}

// TestNamesDoNotCollide: two clusters of a namespace never want the same name, however one is named after a child of
// the other; and the longest name of a cluster gives names that Services may have.
func TestNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	kinds := []func() *v1alpha1.DatabaseCluster{minimal, sharded, leaderless}
	for _, build := range kinds {
		owner := map[string]string{}
		for _, name := range append([]string{"orders", strings.Repeat("x", 40)}, namesOf(build())...) {
			for _, kind := range kinds {
				cluster := kind()
				cluster.Name = name
				mustBeFree(t, owner, namesOf(cluster), name)
			}
		}
	}
}

// mustBeFree claims names for a cluster that may have shards or not.
func mustBeFree(t *testing.T, owner map[string]string, names []string, cluster string) {
	t.Helper()
	for _, name := range names {
		if other, taken := owner[name]; taken && other != cluster {
			t.Errorf("%q is a child of %q and of %q", name, cluster, other)
		}
		owner[name] = cluster
		if errs := validation.IsDNS1035Label(name); len(errs) > 0 {
			t.Errorf("%q: %v", name, errs)
		}
	}
}

func TestServerNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"*.orders-db.shop.svc", "*.orders-db.shop.svc.cluster.local",
		"orders-rw", "orders-rw.shop", "orders-rw.shop.svc", "orders-rw.shop.svc.cluster.local",
		"orders-ro", "orders-ro.shop", "orders-ro.shop.svc", "orders-ro.shop.svc.cluster.local",
		"localhost",
	}
	if got := ServerNames("orders", "shop"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := MemberHost("orders", "shop", "orders-db-2"); got != "orders-db-2.orders-db.shop.svc" {
		t.Errorf("a member is reached at %q", got)
	}
}

// TestMemberSelector: the selector in status selects just the pods of the members.
func TestMemberSelector(t *testing.T) {
	t.Parallel()
	selector, err := labels.Parse(MemberSelector("orders"))
	if err != nil {
		t.Fatal(err)
	}
	cluster := minimal()
	if !selector.Matches(labels.Set(memberLabels(cluster, "orders-db-0", "17.6"))) {
		t.Error("a member is not selected")
	}
	if selector.Matches(labels.Set(commonLabels(cluster))) {
		t.Error("an object that is no member is selected")
	}
}

// TestShardsAreToldApart: what is meant for the members of one shard selects no other's, and all members are selected
// by what is meant for all.
func TestShardsAreToldApart(t *testing.T) {
	t.Parallel()
	cluster := sharded()
	first := labels.Set(memberLabels(cluster, "orders-db-0-1", "7.0"))
	second := labels.Set(memberLabels(cluster, "orders-db-1-1", "7.0"))
	budget := labels.SelectorFromSet(groupSelection(cluster, Place{Shard: 1}))
	everybody := labels.SelectorFromSet(memberSelection(cluster.Name))
	if budget.Matches(first) || !budget.Matches(second) {
		t.Errorf("%v selects %v or not %v", budget, first, second)
	}
	if !everybody.Matches(first) || !everybody.Matches(second) {
		t.Errorf("%v does not select all members", everybody)
	}
}

// TestAnEnsembleIsToldApart: no client is led to an ensemble, and yet its members have names.
func TestAnEnsembleIsToldApart(t *testing.T) {
	t.Parallel()
	cluster := leaderless()
	keeper := labels.Set(memberLabels(cluster, "orders-db-keeper-1", "24.8"))
	member := labels.Set(memberLabels(cluster, "orders-db-0-1", "24.8"))
	topology := topologyOf(cluster)
	for name, tt := range map[string]struct {
		selection      map[string]string
		keeper, member bool
	}{
		"members' names":    {HeadlessService(cluster, traits, topology).Spec.Selector, true, true},
		"writes":            {ReadWriteService(cluster, traits, topology).Spec.Selector, false, true},
		"a shard's budget":  {groupSelection(cluster, Place{}), false, true},
		"ensemble's budget": {EnsembleBudget(cluster, *topology.Ensemble).Spec.Selector.MatchLabels, true, false},
	} {
		selector := labels.SelectorFromSet(tt.selection)
		if selector.Matches(keeper) != tt.keeper || selector.Matches(member) != tt.member {
			t.Errorf("%s: %v selects %v, %v", name, selector, selector.Matches(keeper), selector.Matches(member))
		}
	}
	if _, numbered := keeper[v1alpha1.LabelShard]; numbered {
		t.Errorf("%v has a shard", keeper)
	}
}
