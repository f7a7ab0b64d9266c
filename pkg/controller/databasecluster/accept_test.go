// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// TestMajorVersionsFollowOneAnother: both the engine and the platform must know the way from one to the next.
func TestMajorVersionsFollowOneAnother(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		used, wanted string
		from         []string // what the wanted build lists in upgradeFrom
		want         string   // a part of the message; "" when it is accepted
	}{
		"the next":                          {"16.2", "17.6", []string{"16.2"}, ""},
		"by a prefix":                       {"16.2", "17", []string{"16.2"}, ""},
		"another build of it":               {"16.2", "17.6", []string{"16.1"}, `does not list 16.2 in upgradeFrom of 17.6`},
		"a jump":                            {"15.14", "17.6", []string{"15.14"}, "follow one another, and the next is 16"},
		"from the newest":                   {"17.6", "18.1", []string{"17.6"}, "of the major version is not supported"},
		"and back":                          {"17.6", "16.2", []string{"17.6"}, "the data is in use with the newer build"},
		"the same":                          {"17.6", "17.6", nil, ""},
		"back, while the primary is not on": {"16.2", "16.2", nil, ""},
	} {
		w := newWorld(t, 1)
		w.snapshot.Engine = votingEngine{}
		w.converge()
		w.snapshot.Member("orders-db-0").Volume.Labels[v1alpha1.LabelBuild] = tt.used
		w.snapshot.Offer.Spec.Versions = []v1alpha1.EngineVersion{
			{Name: "15.14", Image: "x"}, {Name: "16.2", Image: "x"}, {Name: "17.6", Image: "x"}, {Name: "18.1", Image: "x"},
		}
		for i := range w.snapshot.Offer.Spec.Versions {
			w.snapshot.Offer.Spec.Versions[i].UpgradeFrom = tt.from
		}
		w.snapshot.Cluster.Spec.Version = tt.wanted
		v := w.decide().Verdict
		if v.Good() != (tt.want == "") || !strings.Contains(v.Message, tt.want) ||
			(tt.want != "" && v.Reason != v1alpha1.ReasonUnsupported) {
			t.Errorf("%s: %+v; want something with %q", name, v, tt.want)
		}
	}
}

// TestWhatIsNotBuiltIsUnsupported: it is told apart from what is wrong, and no platform can make it good.
func TestWhatIsNotBuiltIsUnsupported(t *testing.T) {
	t.Parallel()
	shards := &field.Error{Type: field.ErrorTypeNotSupported, Field: "spec.shards", BadValue: 2, Detail: "not yet"}
	wrong := field.Invalid(field.NewPath("spec", "parameters").Key("x"), "y", "allowed is z")
	for name, tt := range map[string]struct {
		errs   field.ErrorList
		reason string
	}{
		"not built":           {field.ErrorList{shards}, v1alpha1.ReasonUnsupported},
		"wrong":               {field.ErrorList{wrong}, v1alpha1.ReasonInvalid},
		"both, in any order":  {field.ErrorList{shards, wrong}, v1alpha1.ReasonInvalid},
		"good, and no offer":  {nil, v1alpha1.ReasonEngineNotOffered},
		"both, the other way": {field.ErrorList{wrong, shards}, v1alpha1.ReasonInvalid},
	} {
		w := newWorld(t, 1)
		w.snapshot.Engine, w.snapshot.Offer = plainEngine{errs: tt.errs}, nil
		v := w.decide().Verdict
		if v.Reason != tt.reason || (len(tt.errs) == 1 && !strings.Contains(v.Message, tt.errs[0].Field)) {
			t.Errorf("%s: %+v, want %s", name, v, tt.reason)
		}
	}
}

// TestTheURINamesTheMembersThatThereAre: it follows them as they come and go.
func TestTheURINamesTheMembersThatThereAre(t *testing.T) {
	t.Parallel()
	s := newPoll(t, 2, 0)
	uri := func() string { return string(s.w.snapshot.Secret("orders-app").Data[resource.BindingURI]) }
	const first, second, third = "orders-db-0.orders-db.shop.svc:5432", "orders-db-1.orders-db.shop.svc:5432",
		"orders-db-2.orders-db.shop.svc:5432"
	if !strings.Contains(uri(), "@"+first+","+second+"/app?") {
		t.Errorf("the URI is %s", uri())
	}
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = 3 })
	s.rest()
	if !strings.Contains(uri(), "@"+first+","+second+","+third+"/app?") {
		t.Errorf("with a third member the URI is %s", uri())
	}
}
