// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseClusterStatus says what database is there. It is computed from the objects of the cluster and from what the
// members report; it is never an input to a decision that could lose data.
type DatabaseClusterStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the cluster's state in the terms of the Kubernetes API conventions: Ready, Available, Accepted,
	// Progressing, Degraded, UpToDate and FailoverReady, each present from the first sync on, and SchemaInSync where every
	// member accepts writes and there is more than one.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// members is the number of members that exist; those of an ensemble, such as ClickHouse Keeper, are not counted.
	// +optional
	Members int32 `json:"members"`
	// readyMembers is the number of members that are Ready: serving, and for a replica caught up.
	// +optional
	ReadyMembers int32 `json:"readyMembers"`
	// selector selects the pods of the members, for the scale subresource. Empty when the cluster is sharded.
	// +optional
	Selector string `json:"selector,omitempty"`
	// primary is the pod name of the member that accepts writes, as the members report it. Empty when the cluster is
	// sharded: each shard has a primary, and memberStatuses say which. Empty too when every member accepts writes.
	// +optional
	Primary string `json:"primary,omitempty"`
	// systemID is the identity that the engine gave the data when it was born. Members whose data has another are
	// refused.
	// +optional
	SystemID string `json:"systemID,omitempty"`
	// version is the build in use, and the newer one that could be.
	// +optional
	Version VersionStatus `json:"version,omitempty"`
	// durability is what is in force, which may be less than what spec asks for.
	// +optional
	Durability DurabilityStatus `json:"durability,omitempty"`
	// deletionPolicy is the policy in force, as observed on the volumes.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// endpoints are the addresses for clients.
	// +optional
	Endpoints EndpointsStatus `json:"endpoints,omitempty"`
	// binding names the Secret with everything an application needs to connect (Service Binding specification).
	// +optional
	Binding *BindingStatus `json:"binding,omitempty"`
	// memberStatuses are the members one by one, and after them those of an ensemble. Their lag is a metric, never status.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=133
	MemberStatuses []MemberStatus `json:"memberStatuses,omitempty"`
	// lastFailover tells of the last time another member became primary.
	// +optional
	LastFailover *FailoverStatus `json:"lastFailover,omitempty"`
}

// VersionStatus is the build in use.
type VersionStatus struct {
	// current is the build that new members get, for instance "17.6".
	// +optional
	Current string `json:"current,omitempty"`
	// image is the image of that build.
	// +optional
	Image string `json:"image,omitempty"`
	// available is the newest build that spec.version could name next; absent when current is the newest.
	// +optional
	Available string `json:"available,omitempty"`
}

// DurabilityStatus is the durability in force.
type DurabilityStatus struct {
	// effective is Majority, BoundedLoss (the loss is bounded in time, not excluded) or None.
	// +optional
	Effective EffectiveDurability `json:"effective,omitempty"`
}

// EndpointsStatus are the addresses for clients, host:port.
type EndpointsStatus struct {
	// readWrite reaches the primary; where there is none, every ready member.
	// +optional
	ReadWrite string `json:"readWrite,omitempty"`
	// readOnly reaches the ready replicas; absent with one member.
	// +optional
	ReadOnly string `json:"readOnly,omitempty"`
}

// BindingStatus makes a DatabaseCluster a "provisioned service" of the Service Binding specification.
type BindingStatus struct {
	// name is the name of the Secret.
	// +required
	Name string `json:"name"`
}

// MemberStatus is one member, as it reports itself.
type MemberStatus struct {
	// name is the name of the member, of its pod and of its volume.
	// +required
	Name string `json:"name"`
	// component is the ensemble that the member belongs to, for instance keeper; absent for a member of the cluster
	// itself.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Component string `json:"component,omitempty"`
	// shard is the index of the member's shard; absent when the cluster is not sharded.
	// +optional
	Shard *int32 `json:"shard,omitempty"`
	// role is Primary, Replica or Unknown.
	// +optional
	Role MemberRole `json:"role,omitempty"`
	// node is the node on which the member runs.
	// +optional
	Node string `json:"node,omitempty"`
	// ready says whether the member's pod is Ready.
	// +optional
	Ready bool `json:"ready"`
	// caughtUp says whether a replica is level with the primary, or with its siblings where there is none; with
	// hysteresis, so that it does not flicker.
	// +optional
	CaughtUp bool `json:"caughtUp"`
	// restartPending says whether a parameter waits for a restart of this member.
	// +optional
	RestartPending bool `json:"restartPending,omitempty"`
	// message says what keeps the member from being ready; absent when it is.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// FailoverStatus tells of one change of primary.
type FailoverStatus struct {
	// completionTime is when the new primary accepted writes.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// from is the old primary.
	// +optional
	From string `json:"from,omitempty"`
	// to is the new primary.
	// +optional
	To string `json:"to,omitempty"`
	// reason is why it happened.
	// +optional
	Reason string `json:"reason,omitempty"`
	// unavailableMilliseconds is the time from the last acknowledged renewal of the old primary to the promotion of the
	// new one: an upper bound of the outage as seen from inside.
	// +optional
	UnavailableMilliseconds int64 `json:"unavailableMilliseconds,omitempty"`
}

// EffectiveDurability is the durability in force.
//
// +kubebuilder:validation:Enum=Majority;BoundedLoss;None
type EffectiveDurability string

// The values of EffectiveDurability.
const (
	EffectiveMajority    EffectiveDurability = "Majority"
	EffectiveBoundedLoss EffectiveDurability = "BoundedLoss"
	EffectiveNone        EffectiveDurability = "None"
)

// MemberRole is the part a member plays.
//
// +kubebuilder:validation:Enum=Primary;Replica;Unknown
type MemberRole string

// The values of MemberRole.
const (
	RolePrimary MemberRole = "Primary"
	RoleReplica MemberRole = "Replica"
	RoleUnknown MemberRole = "Unknown"
)
