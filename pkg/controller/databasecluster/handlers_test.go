// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func TestRenewalsWakeNobody(t *testing.T) {
	t.Parallel()
	lease := func(change func(*coordinationv1.Lease)) *coordinationv1.Lease {
		l := &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Controller: new(true)}}},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("orders-db-0/u/n")},
		}
		change(l)
		return l
	}
	was := lease(func(*coordinationv1.Lease) {})
	tests := []struct {
		name    string
		is      any
		renewal bool
	}{
		{"another renewTime", lease(func(l *coordinationv1.Lease) {
			l.Spec.RenewTime = new(metav1.NewMicroTime(time.Unix(2000, 0)))
		}), true},
		{"another commit quorum", lease(func(l *coordinationv1.Lease) {
			l.Annotations = map[string]string{v1alpha1.AnnotationCommitQuorum: "{}"}
		}), true},
		{"another holder", lease(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("orders-db-1/u/n") }), false},
		{"released", lease(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = nil }), false},
		{"without its owner", lease(func(l *coordinationv1.Lease) { l.OwnerReferences = nil }), false},
		{"no Lease at all", &corev1.Pod{}, false},
	}
	for _, tt := range tests {
		if got := isRenewal(was, tt.is); got != tt.renewal {
			t.Errorf("%s: renewal %t, want %t", tt.name, got, tt.renewal)
		}
	}
}
