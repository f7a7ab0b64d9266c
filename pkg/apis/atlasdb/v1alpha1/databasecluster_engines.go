// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// PostgreSQLSpec holds what only PostgreSQL has.
type PostgreSQLSpec struct {
	// locale is the collation and character classification of the databases that initdb makes, always in UTF-8.
	// Default C.UTF-8. Read once, when the data is born.
	// +optional
	// +kubebuilder:default=C.UTF-8
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.@-]+$`
	Locale string `json:"locale,omitempty"`
}

// RedisSpec holds what only Redis has.
type RedisSpec struct {
	// persistence is what a member writes to its volume: AOF (every write, within a second), RDB (a snapshot after some
	// minutes with changes) or None (nothing: a server that ends has lost its data, and only replicas still have it).
	// Default AOF. Can change; a running server takes it over.
	// +optional
	// +kubebuilder:default=AOF
	Persistence RedisPersistence `json:"persistence,omitempty"`
}

// MongoDBSpec holds what only MongoDB has.
type MongoDBSpec struct {
	// featureCompatibility says when features of a new version may be used.
	// +optional
	// +kubebuilder:default={}
	FeatureCompatibility FeatureCompatibilitySpec `json:"featureCompatibility,omitempty"`
}

// FeatureCompatibilitySpec says when the feature compatibility version follows the version.
type FeatureCompatibilitySpec struct {
	// soakSeconds is for how long all members must have run a new version without a break before the feature compatibility
	// version is raised to it; the version before cannot read the data after that. Default 86400, a day. Can change.
	// +optional
	// +kubebuilder:default=86400
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	SoakSeconds *int64 `json:"soakSeconds,omitempty"`
}

// ClickHouseSpec holds what only ClickHouse has.
type ClickHouseSpec struct {
	// keeper are the servers of ClickHouse Keeper, by which the replicas of a shard agree. They are there, without being
	// asked for, as soon as the cluster has more than one server, and stay from then on.
	// +optional
	// +kubebuilder:default={}
	Keeper KeeperSpec `json:"keeper,omitempty"`
	// shardRemoval says what becomes of a shard that is to go when shards is lowered: Refuse keeps it for as long as it
	// holds rows (condition Degraded says what to do), AcceptDataLoss removes it with them; its volumes are kept. Default
	// Refuse. Can change.
	// +optional
	// +kubebuilder:default=Refuse
	ShardRemoval ShardRemoval `json:"shardRemoval,omitempty"`
}

// KeeperSpec are the servers of ClickHouse Keeper.
type KeeperSpec struct {
	// members is how many there are: 1, 3 (survives the loss of any one) or 5 (of any two). Default 3. Cannot change yet.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Enum=1;3;5
	Members int32 `json:"members,omitempty"`
	// storage is the volume of each.
	// +optional
	// +kubebuilder:default={}
	Storage KeeperStorageSpec `json:"storage,omitempty"`
	// resources are the CPU and memory of each. Can change; they are replaced one at a time.
	// +optional
	// +kubebuilder:default={}
	Resources ResourcesSpec `json:"resources,omitempty"`
}

// KeeperStorageSpec is the volume of a server of ClickHouse Keeper. Its StorageClass is that of the members.
type KeeperStorageSpec struct {
	// size is the capacity of each volume; at least 1Gi. Default 5Gi. Can grow, cannot shrink.
	// +optional
	// +kubebuilder:default="5Gi"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Gi')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0",message="size must be a quantity from 1Gi to 64Ti, for instance 5Gi"
	Size *resource.Quantity `json:"size,omitempty"`
}
