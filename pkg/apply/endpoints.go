// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
)

// named is what every apply configuration of a namespaced kind can say of itself.
type named interface {
	GetKind() *string
	GetName() *string
	GetNamespace() *string
}

// Name gives the name that a configuration carries, or "".
func Name(wanted runtime.ApplyConfiguration) string {
	if n, ok := wanted.(named); ok && n.GetName() != nil {
		return *n.GetName()
	}
	return ""
}

// Kind gives the kind of a configuration, or "".
func Kind(wanted runtime.ApplyConfiguration) string {
	if n, ok := wanted.(named); ok && n.GetKind() != nil {
		return *n.GetKind()
	}
	return ""
}

// endpointFor finds the API for a configuration. The list is the whole of what AtlasDB writes in users' namespaces,
// besides the status of its own kinds and events.
func (w Writer) endpointFor(wanted runtime.ApplyConfiguration) (endpoint, error) {
	n, ok := wanted.(named)
	if !ok || n.GetName() == nil || n.GetNamespace() == nil {
		return nil, fmt.Errorf("apply configuration %T has no name or no namespace", wanted)
	}
	ns := *n.GetNamespace()
	switch wanted.(type) {
	case *corev1ac.PodApplyConfiguration:
		return on(w.Client.CoreV1().Pods(ns)), nil
	case *corev1ac.PersistentVolumeClaimApplyConfiguration:
		return on(w.Client.CoreV1().PersistentVolumeClaims(ns)), nil
	case *corev1ac.ServiceApplyConfiguration:
		return on(w.Client.CoreV1().Services(ns)), nil
	case *corev1ac.SecretApplyConfiguration:
		return on(w.Client.CoreV1().Secrets(ns)), nil
	case *corev1ac.ServiceAccountApplyConfiguration:
		return on(w.Client.CoreV1().ServiceAccounts(ns)), nil
	case *rbacv1ac.RoleApplyConfiguration:
		return on(w.Client.RbacV1().Roles(ns)), nil
	case *rbacv1ac.RoleBindingApplyConfiguration:
		return on(w.Client.RbacV1().RoleBindings(ns)), nil
	case *coordinationv1ac.LeaseApplyConfiguration:
		return on(w.Client.CoordinationV1().Leases(ns)), nil
	case *policyv1ac.PodDisruptionBudgetApplyConfiguration:
		return on(w.Client.PolicyV1().PodDisruptionBudgets(ns)), nil
	case *networkingv1ac.NetworkPolicyApplyConfiguration:
		return on(w.Client.NetworkingV1().NetworkPolicies(ns)), nil
	}
	return nil, fmt.Errorf("no API is known for %T", wanted)
}
