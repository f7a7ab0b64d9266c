// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// EngineType is the database software of a cluster.
//
// +kubebuilder:validation:Enum=PostgreSQL;Redis;MongoDB;ClickHouse
type EngineType string

// The engines.
const (
	EnginePostgreSQL EngineType = "PostgreSQL"
	EngineRedis      EngineType = "Redis"
	EngineMongoDB    EngineType = "MongoDB"
	EngineClickHouse EngineType = "ClickHouse"
)

// Durability says when a write is acknowledged.
//
// +kubebuilder:validation:Enum=Relaxed;Majority
type Durability string

// The values of Durability.
const (
	DurabilityRelaxed  Durability = "Relaxed"
	DurabilityMajority Durability = "Majority"
)

// PowerState says whether the servers of a cluster run.
//
// +kubebuilder:validation:Enum=Running;Stopped
type PowerState string

// The values of PowerState.
const (
	PowerRunning PowerState = "Running"
	PowerStopped PowerState = "Stopped"
)

// Reconciliation says whether the operator acts on a cluster.
//
// +kubebuilder:validation:Enum=Active;Paused
type Reconciliation string

// The values of Reconciliation.
const (
	ReconciliationActive Reconciliation = "Active"
	ReconciliationPaused Reconciliation = "Paused"
)

// DeletionPolicy says what becomes of the volumes of a deleted cluster.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// The values of DeletionPolicy.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// PrimaryUpdate says how a restart reaches the primary.
//
// +kubebuilder:validation:Enum=Switchover;Restart
type PrimaryUpdate string

// The values of PrimaryUpdate.
const (
	PrimaryUpdateSwitchover PrimaryUpdate = "Switchover"
	PrimaryUpdateRestart    PrimaryUpdate = "Restart"
)

// TLSMode says whether unencrypted client connections are taken.
//
// +kubebuilder:validation:Enum=Required;Preferred
type TLSMode string

// The values of TLSMode.
const (
	TLSRequired  TLSMode = "Required"
	TLSPreferred TLSMode = "Preferred"
)

// Spread says how hard members avoid each other.
//
// +kubebuilder:validation:Enum=Preferred;Required
type Spread string

// The values of Spread.
const (
	SpreadPreferred Spread = "Preferred"
	SpreadRequired  Spread = "Required"
)

// RedisPersistence is what a member of Redis writes to its volume.
//
// +kubebuilder:validation:Enum=AOF;RDB;None
type RedisPersistence string

// The values of RedisPersistence.
const (
	RedisPersistenceAOF  RedisPersistence = "AOF"
	RedisPersistenceRDB  RedisPersistence = "RDB"
	RedisPersistenceNone RedisPersistence = "None"
)

// ShardRemoval says what becomes of the data of a shard that the spec no longer has.
//
// +kubebuilder:validation:Enum=Refuse;AcceptDataLoss
type ShardRemoval string

// The values of ShardRemoval.
const (
	ShardRemovalRefuse         ShardRemoval = "Refuse"
	ShardRemovalAcceptDataLoss ShardRemoval = "AcceptDataLoss"
)
