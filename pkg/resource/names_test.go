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
	for _, cluster := range []*v1alpha1.DatabaseCluster{minimal(), sharded()} {
		names := possibleMembers(cluster)
		if last, ok := PlaceOf(cluster, names[len(names)-1]); !ok || last.Ordinal != MaxMembers-1 {
			t.Errorf("the last member is at %v, %v", last, ok)
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
		"orders-db-99999999999999999999",
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
	}, possibleMembers(cluster)...)
}

// TestNamesDoNotCollide: two clusters of a namespace never want the same name, however one is named after a child of
// the other; and the longest name of a cluster gives names that Services may have.
func TestNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	for _, build := range []func() *v1alpha1.DatabaseCluster{minimal, sharded} {
		owner := map[string]string{}
		for _, name := range append([]string{"orders", strings.Repeat("x", 40)}, namesOf(build())...) {
			for _, kind := range []func() *v1alpha1.DatabaseCluster{minimal, sharded} {
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
	budget := labels.SelectorFromSet(shardSelection(cluster, 1))
	everybody := labels.SelectorFromSet(memberSelection(cluster.Name))
	if budget.Matches(first) || !budget.Matches(second) {
		t.Errorf("%v selects %v or not %v", budget, first, second)
	}
	if !everybody.Matches(first) || !everybody.Matches(second) {
		t.Errorf("%v does not select all members", everybody)
	}
}
