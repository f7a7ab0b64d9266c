// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

func TestDifference(t *testing.T) {
	t.Parallel()
	owner := func(uid string) *metav1ac.OwnerReferenceApplyConfiguration {
		return metav1ac.OwnerReference().WithName("orders").WithUID("u-1").WithKind(uid)
	}
	service := func() *corev1ac.ServiceApplyConfiguration {
		return corev1ac.Service("orders-rw", "shop").
			WithLabels(map[string]string{"app": "orders"}).
			WithOwnerReferences(owner("DatabaseCluster")).
			WithSpec(corev1ac.ServiceSpec().WithPorts(
				corev1ac.ServicePort().WithName("client").WithPort(5432).WithTargetPort(intstr.FromString("client"))))
	}
	cached := func(change func(*corev1.Service)) *corev1.Service {
		s := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{
				Name: "orders-rw", Namespace: "shop", Labels: map[string]string{"app": "orders", "theirs": "kept"},
				OwnerReferences: []metav1.OwnerReference{
					{Name: "somebody", UID: "u-0"}, {Name: "orders", UID: "u-1", Kind: "DatabaseCluster"},
				},
			},
			Spec: corev1.ServiceSpec{
				ClusterIP: "10.0.0.1",
				Ports: []corev1.ServicePort{{
					Name: "client", Protocol: corev1.ProtocolTCP, Port: 5432, TargetPort: intstr.FromString("client"),
				}},
			},
		}
		change(s)
		return s
	}
	volume := func(size string) *corev1ac.PersistentVolumeClaimApplyConfiguration {
		return corev1ac.PersistentVolumeClaim("orders-db-0", "shop").WithSpec(
			corev1ac.PersistentVolumeClaimSpec().WithResources(corev1ac.VolumeResourceRequirements().WithRequests(
				corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)})))
	}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "orders-db-0", Namespace: "shop"},
		Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}},
	}
	tests := []struct {
		name   string
		wanted runtime.ApplyConfiguration
		cached metav1.Object
		want   string
	}{
		{"defaults and other writers' fields do not count", service(), cached(func(*corev1.Service) {}), ""},
		{"a label of ours was changed", service(), cached(func(s *corev1.Service) { s.Labels["app"] = "x" }),
			"metadata.labels.app"},
		{"a label of ours is gone", service(), cached(func(s *corev1.Service) { s.Labels = nil }), "metadata.labels"},
		{"a port was changed", service(), cached(func(s *corev1.Service) { s.Spec.Ports[0].Port = 1 }),
			"spec.ports[0].port"},
		{"a port was added", service(), cached(func(s *corev1.Service) {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 1})
		}), "spec.ports"},
		{"our owner reference is gone", service(), cached(func(s *corev1.Service) {
			s.OwnerReferences = s.OwnerReferences[:1]
		}), "metadata.ownerReferences[0]"},
		{"a quantity in another spelling is equal", volume("1024Mi"), claim, ""},
		{"a quantity that grew", volume("2Gi"), claim, "spec.resources.requests.storage"},
		{"a Secret's bytes are equal", corev1ac.Secret("s", "shop").WithData(map[string][]byte{"k": []byte("v")}),
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "shop"},
				Data: map[string][]byte{"k": []byte("v"), "other": nil}}, ""},
		{"a Secret's bytes differ", corev1ac.Secret("s", "shop").WithData(map[string][]byte{"k": []byte("v")}),
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "shop"},
				Data: map[string][]byte{"k": []byte("w")}}, "data.k"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Difference(tt.wanted, tt.cached)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("Difference() = %q, want %q", got, tt.want)
			}
		})
	}
}
