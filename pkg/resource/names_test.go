// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestOrdinal(t *testing.T) {
	t.Parallel()
	for i := range MaxMembers {
		if got, ok := Ordinal("orders", MemberName("orders", i)); !ok || got != i {
			t.Errorf("%s: got %d, %v", MemberName("orders", i), got, ok)
		}
	}
	for _, name := range []string{
		"", "orders", "orders-db", "orders-db-", "orders-db-7", "orders-db-00", "orders-db-01", "orders-db--1",
		"orders-db-+1", "orders-db-1x", "orders-db-plan", "invoices-db-0", "orders-db-db-0", "xorders-db-0",
		"orders-db-99999999999999999999",
	} {
		if got, ok := Ordinal("orders", name); ok {
			t.Errorf("%q was taken for member %d", name, got)
		}
	}
}

// namesOf are the names of all children of a cluster.
func namesOf(cluster string) []string {
	names := []string{
		ReadWriteServiceName(cluster), ReadOnlyServiceName(cluster), AppSecretName(cluster), PlanSecretName(cluster),
		TLSSecretName(cluster), CASecretName(cluster), HeadlessServiceName(cluster),
	}
	for i := range MaxMembers {
		names = append(names, MemberName(cluster, i))
	}
	return names
}

// TestNamesDoNotCollide: two clusters of a namespace never want the same name, however one is named after a child of
// the other; and the longest name of a cluster gives names that Services may have.
func TestNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	clusters := append([]string{"orders", strings.Repeat("x", 40)}, namesOf("orders")...)
	owner := map[string]string{}
	for _, cluster := range clusters {
		for _, name := range namesOf(cluster) {
			if other, taken := owner[name]; taken {
				t.Errorf("%q is a child of %q and of %q", name, cluster, other)
			}
			owner[name] = cluster
			if errs := validation.IsDNS1035Label(name); len(errs) > 0 {
				t.Errorf("%q: %v", name, errs)
			}
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
