// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DatabaseCluster is one database: a primary and its replicas, kept running, replicated and reachable.
//
// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=databaseclusters,shortName=adb,categories=atlasdb,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.members,statuspath=.status.members,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Engine",type=string,JSONPath=`.spec.engine`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version.current`
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.readyMembers`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.spec.members`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Primary",type=string,JSONPath=`.status.primary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Storage",type=string,priority=1,JSONPath=`.spec.storage.size`
// +kubebuilder:printcolumn:name="Endpoint",type=string,priority=1,JSONPath=`.status.endpoints.readWrite`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="the name may have at most 40 characters, because the names of pods, volumes and Services are derived from it",fieldPath=".metadata"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name must start with a lower-case letter and hold only lower-case letters, digits and '-', at most 40 characters",fieldPath=".metadata"
type DatabaseCluster struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. The name is limited to 40 characters.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the database that is wanted.
	// +required
	Spec DatabaseClusterSpec `json:"spec"`
	// status is the database that is there. The operator writes it; nobody else should.
	// +optional
	Status DatabaseClusterStatus `json:"status,omitempty"`
}

// DatabaseClusterList is a list of DatabaseClusters.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type DatabaseClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	metav1.ListMeta `json:"metadata"`
	// items are the DatabaseClusters.
	Items []DatabaseCluster `json:"items"`
}

// DatabaseClusterSpec says what database is wanted. engine, version, members and storage are all most users need.
//
// +kubebuilder:validation:XValidation:rule="has(self.shards) == has(oldSelf.shards)",message="shards decides the topology at creation and can be neither added nor removed later"
// +kubebuilder:validation:XValidation:rule="self.engine != 'PostgreSQL' || !has(self.shards)",message="PostgreSQL has no sharded topology: remove shards"
// +kubebuilder:validation:XValidation:rule="!has(self.shards) || !has(self.members) || self.shards * self.members <= 128",message="shards times members may not exceed 128: status lists every member"
// +kubebuilder:validation:XValidation:rule="!has(self.postgresql) || self.engine == 'PostgreSQL'",message="the block postgresql is only for engine PostgreSQL"
// +kubebuilder:validation:XValidation:rule="!has(self.redis) || self.engine == 'Redis'",message="the block redis is only for engine Redis"
// +kubebuilder:validation:XValidation:rule="!has(self.mongodb) || self.engine == 'MongoDB'",message="the block mongodb is only for engine MongoDB"
// +kubebuilder:validation:XValidation:rule="!has(self.clickhouse) || self.engine == 'ClickHouse'",message="the block clickhouse is only for engine ClickHouse"
// +kubebuilder:validation:XValidation:rule="(has(self.clickhouse) ? self.clickhouse.keeper.members : 3) == (has(oldSelf.clickhouse) ? oldSelf.clickhouse.keeper.members : 3)",message="clickhouse.keeper.members cannot change yet: the members of the ensemble vote, and AtlasDB does not add or remove them one at a time yet (default 3)"
// +kubebuilder:validation:XValidation:rule="quantity(has(self.clickhouse) ? string(self.clickhouse.keeper.storage.size) : '5Gi').compareTo(quantity(has(oldSelf.clickhouse) ? string(oldSelf.clickhouse.keeper.storage.size) : '5Gi')) >= 0",message="clickhouse.keeper.storage.size cannot shrink: a volume that is smaller than its data loses data (default 5Gi)"
type DatabaseClusterSpec struct {
	// engine is the database software: PostgreSQL, Redis, MongoDB or ClickHouse. Cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="engine cannot change: create a new DatabaseCluster and move the data"
	Engine EngineType `json:"engine"`

	// version is a build listed by the DatabaseEngine of this engine, for instance "17.6". A prefix such as "17" means
	// the newest build at the time of creation; the build in use is in status.version.current. A newer build shows in
	// status.version.available and rolls out only when it is named here. Can change to a build that the
	// DatabaseEngine lists as reachable.
	// +required
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+){0,3}$`
	Version string `json:"version"`

	// members is the number of database servers per shard, the primary included: 1 is a single server, 3 survives the
	// loss of any one. Default 1. Can change at any time; the volume of a removed member is kept.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=7
	Members int32 `json:"members,omitempty"`

	// storage is the volume of each member.
	// +required
	Storage StorageSpec `json:"storage"`

	// shards chooses the sharded topology by its presence (Redis, MongoDB, ClickHouse): the data is spread over this
	// many groups of members. Can neither be added nor removed later; the number can change.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	Shards *int32 `json:"shards,omitempty"`

	// resources are the CPU and memory of each member. The engine's own memory settings are computed from the memory
	// limit, or from the request where there is no limit. Can change; members are replaced one at a time.
	// +optional
	// +kubebuilder:default={}
	Resources ResourcesSpec `json:"resources,omitempty"`

	// parameters are settings of the engine in the engine's own words, for instance {work_mem: 16MB}. They override
	// what AtlasDB computes; parameters that AtlasDB owns are refused (condition Accepted). Can change: what the engine
	// can take over while it runs is live within seconds, the rest waits for a restart (condition UpToDate).
	// +optional
	// +kubebuilder:validation:MaxProperties=256
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 63 && k.matches('^[a-zA-Z][-a-zA-Z0-9_.]*$'))",message="a parameter's name starts with a letter and holds only letters, digits, '-', '_' and '.', at most 63 characters"
	Parameters map[string]ParameterValue `json:"parameters,omitempty"`

	// durability says when a write is acknowledged. Majority: when a majority of the members has it on disk, so that no
	// single loss can lose it. Relaxed: when the primary has it. Redis acknowledges before replicas have a write; there
	// Majority refuses writes while too few replicas keep up, which bounds what a failover loses in time
	// (status.durability.effective is BoundedLoss). Default Majority. Can change.
	// +optional
	// +kubebuilder:default=Majority
	Durability Durability `json:"durability,omitempty"`

	// powerState is Running or Stopped. Stopped ends the servers, replicas first, and keeps volumes, Services and
	// Secrets. Default Running. Can change.
	// +optional
	// +kubebuilder:default=Running
	PowerState PowerState `json:"powerState,omitempty"`

	// fencedMembers are members, by pod name, whose engine is kept down while their pod stays, for a look at its volume.
	// Default none. Can change.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	// +kubebuilder:validation:items:MaxLength=63
	FencedMembers []string `json:"fencedMembers,omitempty"`

	// reconciliation is Active or Paused. While Paused the operator changes nothing of this cluster; the servers go on.
	// Default Active. Can change.
	// +optional
	// +kubebuilder:default=Active
	Reconciliation Reconciliation `json:"reconciliation,omitempty"`

	// deletionPolicy says what becomes of the volumes when this object is deleted: Retain keeps them, and a
	// DatabaseCluster of the same name and engine finds its data again; Delete removes them. Default Retain.
	// Can change; status.deletionPolicy shows which is in force.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// updatePolicy says how a change that needs a restart reaches the primary.
	// +optional
	// +kubebuilder:default={}
	UpdatePolicy UpdatePolicy `json:"updatePolicy,omitempty"`

	// network says who may connect, and how.
	// +optional
	// +kubebuilder:default={}
	Network NetworkSpec `json:"network,omitempty"`

	// scheduling says on which nodes the members may run.
	// +optional
	// +kubebuilder:default={}
	Scheduling SchedulingSpec `json:"scheduling,omitempty"`

	// imagePullSecrets are Secrets of this namespace with which the images are pulled. Default none. Can change; pods
	// that are already there keep theirs.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []ImagePullSecret `json:"imagePullSecrets,omitempty"`

	// postgresql holds what only PostgreSQL has. Only for engine PostgreSQL.
	// +optional
	PostgreSQL *PostgreSQLSpec `json:"postgresql,omitempty"`

	// redis holds what only Redis has. Only for engine Redis.
	// +optional
	Redis *RedisSpec `json:"redis,omitempty"`

	// mongodb holds what only MongoDB has. Only for engine MongoDB.
	// +optional
	MongoDB *MongoDBSpec `json:"mongodb,omitempty"`
	// clickhouse holds what only ClickHouse has. Only for engine ClickHouse.
	// +optional
	ClickHouse *ClickHouseSpec `json:"clickhouse,omitempty"`
}

// ParameterValue is the value of one engine parameter, as the engine's own configuration file would have it.
//
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]*$`
type ParameterValue string

// StorageSpec is the volume of each member.
//
// +kubebuilder:validation:XValidation:rule="quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",message="size cannot shrink: a volume that is smaller than its data loses data",fieldPath=".size"
// +kubebuilder:validation:XValidation:rule="has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)",message="className cannot change: volumes do not move between storage classes",fieldPath=".className"
type StorageSpec struct {
	// size is the capacity of each member's volume, for instance 20Gi; at least 1Gi. Can grow, cannot shrink.
	// +required
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Gi')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0",message="size must be a quantity from 1Gi to 64Ti, for instance 20Gi"
	Size resource.Quantity `json:"size"`
	// className is the StorageClass of the volumes. Default: the namespace's default StorageClass. Cannot change.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClassName *string `json:"className,omitempty"`
}

// ResourcesSpec is the CPU and memory of each member, as in a pod's container.
//
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !('memory' in self.limits) || !('memory' in self.requests) || quantity(string(self.requests['memory'])).compareTo(quantity(string(self.limits['memory']))) <= 0",message="requests.memory may not exceed limits.memory"
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !('cpu' in self.limits) || !('cpu' in self.requests) || quantity(string(self.requests['cpu'])).compareTo(quantity(string(self.limits['cpu']))) <= 0",message="requests.cpu may not exceed limits.cpu"
type ResourcesSpec struct {
	// requests are what the scheduler sets aside for each member. Default {cpu: 100m, memory: 512Mi}. Can change.
	// +optional
	// +kubebuilder:default={cpu: "100m", memory: "512Mi"}
	// +kubebuilder:validation:MaxProperties=8
	Requests corev1.ResourceList `json:"requests,omitempty"`
	// limits are what a member may use at most. Default none. Can change.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	Limits corev1.ResourceList `json:"limits,omitempty"`
}

// UpdatePolicy says how a change that needs a restart reaches the primary.
type UpdatePolicy struct {
	// primary is Switchover (a replica takes over first) or Restart (the primary restarts in place). Default
	// Switchover. Can change.
	// +optional
	// +kubebuilder:default=Switchover
	Primary PrimaryUpdate `json:"primary,omitempty"`
}

// NetworkSpec says who may connect, and how.
type NetworkSpec struct {
	// tls is the encryption of client connections.
	// +optional
	// +kubebuilder:default={}
	TLS TLSSpec `json:"tls,omitempty"`
	// allowedPeers are the pods that may connect to the client port; the NetworkPolicy of the cluster says just that.
	// Default: every pod of the cluster's own namespace. Can change.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	AllowedPeers []NetworkPeer `json:"allowedPeers,omitempty"`
}

// TLSSpec is the encryption of client connections.
type TLSSpec struct {
	// mode is Required (unencrypted connections are refused) or Preferred (both are taken; not for Redis, whose port
	// speaks one or the other). Traffic between members is always encrypted. Default Required. Can change.
	// +optional
	// +kubebuilder:default=Required
	Mode TLSMode `json:"mode,omitempty"`
}

// NetworkPeer selects pods that may connect. With both selectors: the selected pods in the selected namespaces.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespaceSelector) || has(self.podSelector)",message="give namespaceSelector, podSelector or both"
type NetworkPeer struct {
	// namespaceSelector selects namespaces by label. Absent: the cluster's own namespace.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// podSelector selects pods by label. Absent: every pod of the selected namespaces.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
}

// SchedulingSpec says on which nodes the members may run. Changes reach members as they are replaced.
type SchedulingSpec struct {
	// nodeSelector are labels that a node must carry. Default none. Can change.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations are taints that the members put up with. Default none. Can change.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// priorityClassName is the PriorityClass of the members. Default: the cluster's default. Can change.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// spread says how hard members avoid each other.
	// +optional
	// +kubebuilder:default={}
	Spread SpreadSpec `json:"spread,omitempty"`
}

// SpreadSpec says how hard the members of one shard avoid sharing a node or a zone.
type SpreadSpec struct {
	// node is Preferred (share a node rather than wait) or Required (wait rather than share). Default Preferred.
	// Can change.
	// +optional
	// +kubebuilder:default=Preferred
	Node Spread `json:"node,omitempty"`
	// zone is the same for zones (label topology.kubernetes.io/zone). Default Preferred. Can change.
	// +optional
	// +kubebuilder:default=Preferred
	Zone Spread `json:"zone,omitempty"`
}

// ImagePullSecret names a Secret of the cluster's own namespace.
type ImagePullSecret struct {
	// name is the Secret's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}
