// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
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

// Namespace gives the namespace that a configuration carries, or "".
func Namespace(wanted runtime.ApplyConfiguration) string {
	if n, ok := wanted.(named); ok && n.GetNamespace() != nil {
		return *n.GetNamespace()
	}
	return ""
}

// Kinds are the kinds that AtlasDB writes in users' namespaces, besides the status of its own kinds and events, and the
// plural names by which the API server and the consistency gate know them.
var Kinds = map[string]string{
	"Pod":                   "pods",
	"PersistentVolumeClaim": "persistentvolumeclaims",
	"Service":               "services",
	"Secret":                "secrets",
	"ServiceAccount":        "serviceaccounts",
	"Role":                  "roles",
	"RoleBinding":           "rolebindings",
	"Lease":                 "leases",
	"PodDisruptionBudget":   "poddisruptionbudgets",
	"NetworkPolicy":         "networkpolicies",
}

// endpointFor finds the API of one of Kinds.
func (w Writer) endpointFor(kind, namespace string) (endpoint, error) {
	switch kind {
	case "Pod":
		return on(w.Client.CoreV1().Pods(namespace)), nil
	case "PersistentVolumeClaim":
		return on(w.Client.CoreV1().PersistentVolumeClaims(namespace)), nil
	case "Service":
		return on(w.Client.CoreV1().Services(namespace)), nil
	case "Secret":
		return on(w.Client.CoreV1().Secrets(namespace)), nil
	case "ServiceAccount":
		return on(w.Client.CoreV1().ServiceAccounts(namespace)), nil
	case "Role":
		return on(w.Client.RbacV1().Roles(namespace)), nil
	case "RoleBinding":
		return on(w.Client.RbacV1().RoleBindings(namespace)), nil
	case "Lease":
		return on(w.Client.CoordinationV1().Leases(namespace)), nil
	case "PodDisruptionBudget":
		return on(w.Client.PolicyV1().PodDisruptionBudgets(namespace)), nil
	case "NetworkPolicy":
		return on(w.Client.NetworkingV1().NetworkPolicies(namespace)), nil
	}
	return nil, fmt.Errorf("no API is known for kind %q", kind)
}
