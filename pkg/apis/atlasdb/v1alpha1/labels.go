// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Labels and annotations by which the objects of a cluster are found. They are part of the API: renaming one loses
// running databases.
const (
	// LabelManagedBy is on every object that the operator makes; its informers see nothing else.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "atlasdb"
	// LabelCluster is the DatabaseCluster's name, on every object of a cluster.
	LabelCluster = "atlasdb.io/cluster"
	// LabelComponent is the part an object plays within its cluster.
	LabelComponent = "atlasdb.io/component"
	// ComponentMember is the value of LabelComponent for pods and volumes of members. The members of an ensemble have that
	// of its name (engine.Ensemble).
	ComponentMember = "member"
	// LabelMember is the member's name, on its pod and its volume.
	LabelMember = "atlasdb.io/member-name"
	// LabelShard is the index of the member's shard, on its pod and its volume; absent when the cluster has no shards.
	LabelShard = "atlasdb.io/shard"
	// LabelOrdinal tells the members of a shard apart, on the pods and volumes of a cluster with shards: members of the
	// same ordinal avoid each other's nodes.
	LabelOrdinal = "atlasdb.io/ordinal"
	// LabelRole is the member's role, on its pod; the agent sets it, Services select by it.
	LabelRole = "atlasdb.io/role"
	// LabelEngine is the engine in lower case, on pods and volumes.
	LabelEngine = "atlasdb.io/engine"
	// LabelBuild is the engine's build, on pods and volumes: the build in use outlives the pods.
	LabelBuild = "atlasdb.io/build"
	// LabelClusterUID is the UID of the DatabaseCluster, on volumes: a volume with another UID was retained.
	LabelClusterUID = "atlasdb.io/cluster-uid"
	// AnnotationMember is the member's own report, on its pod, as JSON (engine.MemberReport).
	AnnotationMember = "atlasdb.io/member"
	// AnnotationPodHash is the hash of the pod as the operator wanted it when it made it.
	AnnotationPodHash = "atlasdb.io/pod-hash"
	// LabelMetrics with the value "true" on a namespace lets its pods reach the metrics ports.
	LabelMetrics = "atlasdb.io/metrics"
)

// Values of LabelRole.
const (
	RoleLabelPrimary = "primary"
	RoleLabelReplica = "replica"
)

// Annotations of the Lease, written by the members (PROTOCOL I5-I9).
const (
	// AnnotationCommitQuorum says where acknowledged writes are (engine.Quorum), as JSON.
	AnnotationCommitQuorum = "atlasdb.io/commit-quorum"
	// AnnotationFailsafeMembers are the members that may campaign, separated by commas.
	AnnotationFailsafeMembers = "atlasdb.io/failsafe-members"
	// AnnotationReleasedBy says who gave the Lease up and for whom (election.Release), as JSON.
	AnnotationReleasedBy = "atlasdb.io/released-by"
	// AnnotationLineage are the cluster's promotions (engine.Lineage), as JSON.
	AnnotationLineage = "atlasdb.io/lineage"
)
