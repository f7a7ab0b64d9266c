// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types of a DatabaseCluster. Every one is present from the first sync on, Unknown until it is known.
const (
	// ConditionReady sums up: Accepted, Available, every member ready and the newest spec applied. Its reason is what
	// `kubectl get` shows as STATUS.
	ConditionReady = "Ready"
	// ConditionAvailable says whether the cluster accepts writes.
	ConditionAvailable = "Available"
	// ConditionAccepted says whether the spec can be carried out, judged against its DatabaseEngine.
	ConditionAccepted = "Accepted"
	// ConditionProgressing says whether the operator or a member is at work on the way to the spec.
	ConditionProgressing = "Progressing"
	// ConditionDegraded says whether something is wrong that does not mend itself or costs redundancy.
	ConditionDegraded = "Degraded"
	// ConditionUpToDate says whether every member runs what the spec says, parameters included.
	ConditionUpToDate = "UpToDate"
	// ConditionFailoverReady says whether a caught-up replica could take over this very moment.
	ConditionFailoverReady = "FailoverReady"
	// ConditionSchemaInSync says whether every member has the tables that the others have. Only of an engine whose members
	// all accept writes, and only where there is more than one; elsewhere the schema is part of what a replica copies.
	ConditionSchemaInSync = "SchemaInSync"
)

// Condition types of a DatabaseOperation.
const (
	// ConditionComplete says whether the operation has been carried out.
	ConditionComplete = "Complete"
	// ConditionFailed says whether the operation was given up; nothing of it is left half-done.
	ConditionFailed = "Failed"
)

// Reasons of the conditions. A reason is a word for programs and for the STATUS column; the message beside it is the
// sentence for people.
const (
	// ReasonReady: everything is as the spec says.
	ReasonReady = "Ready"
	// ReasonUnknown: not looked at yet.
	ReasonUnknown = "Unknown"
	// ReasonAccepted: the spec can be carried out.
	ReasonAccepted = "Accepted"
	// ReasonInvalid: a field has a value that cannot be carried out; the message names field, value and what is allowed.
	ReasonInvalid = "Invalid"
	// ReasonUnsupported: AtlasDB does not do this (yet); the message says what.
	ReasonUnsupported = "Unsupported"
	// ReasonEngineNotOffered: there is no DatabaseEngine for spec.engine.
	ReasonEngineNotOffered = "EngineNotOffered"
	// ReasonVersionNotOffered: the DatabaseEngine does not list spec.version.
	ReasonVersionNotOffered = "VersionNotOffered"
	// ReasonPlanTooLarge: the plan for the members does not fit into its Secret.
	ReasonPlanTooLarge = "PlanTooLarge"
	// ReasonPaused: spec.reconciliation is Paused.
	ReasonPaused = "Paused"
	// ReasonStopped: spec.powerState is Stopped.
	ReasonStopped = "Stopped"
	// ReasonPrimaryServing: a primary accepts writes.
	ReasonPrimaryServing = "PrimaryServing"
	// ReasonMembersServing: every member that is ready accepts writes.
	ReasonMembersServing = "MembersServing"
	// ReasonNoPrimary: no member is primary.
	ReasonNoPrimary = "NoPrimary"
	// ReasonCreating: the first primary is being made.
	ReasonCreating = "Creating"
	// ReasonScaling: members are being added or removed.
	ReasonScaling = "Scaling"
	// ReasonMembersNotReady: not every member is ready; the message says which and why.
	ReasonMembersNotReady = "MembersNotReady"
	// ReasonStable: nothing is under way.
	ReasonStable = "Stable"
	// ReasonHealthy: nothing is wrong.
	ReasonHealthy = "Healthy"
	// ReasonMemberFailed: a member reports an error, or its pod cannot run; the message says which and why.
	ReasonMemberFailed = "MemberFailed"
	// ReasonImagePullFailed: the kubelet cannot pull an image of a member.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonUnschedulable: no node takes a member.
	ReasonUnschedulable = "Unschedulable"
	// ReasonVolumePending: the volume of a member is not bound.
	ReasonVolumePending = "VolumePending"
	// ReasonQuotaExceeded: a quota of the namespace refuses an object of the cluster.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonInvalidSecret: a Secret holds what cannot be used; what was in force before stays so, and the message says
	// what is wrong and what is allowed.
	ReasonInvalidSecret = "InvalidSecret"
	// ReasonResizing: a volume is growing.
	ReasonResizing = "Resizing"
	// ReasonResizeFailed: the storage driver cannot make a volume larger; the message says why.
	ReasonResizeFailed = "ResizeFailed"
	// ReasonForbidden: the API server refuses an object of the cluster, by admission or by RBAC.
	ReasonForbidden = "Forbidden"
	// ReasonNameConflict: an object of a name that the cluster needs belongs to somebody else; it is left untouched.
	ReasonNameConflict = "NameConflict"
	// ReasonWaitingForDeletion: an object of a former cluster of this name is still being deleted.
	ReasonWaitingForDeletion = "WaitingForDeletion"
	// ReasonForeignData: a volume holds data of another engine or of another database system.
	ReasonForeignData = "ForeignData"
	// ReasonDataMissing: the database was born, but no volume holds its data. It is never initialised a second time.
	ReasonDataMissing = "DataMissing"
	// ReasonVolumeInUse: another process still holds the lock of a member's volume.
	ReasonVolumeInUse = "VolumeInUse"
	// ReasonNodeLost: a pod is stuck on a node that does not answer.
	ReasonNodeLost = "NodeLost"
	// ReasonUpToDate: every member runs what the spec says.
	ReasonUpToDate = "UpToDate"
	// ReasonRestartPending: a parameter waits for a restart; the message names it.
	ReasonRestartPending = "RestartPending"
	// ReasonRollingOut: members have not yet taken over the newest spec.
	ReasonRollingOut = "RollingOut"
	// ReasonUnderWay: an operation has begun.
	ReasonUnderWay = "UnderWay"
	// ReasonWaiting: another operation of the same cluster comes first.
	ReasonWaiting = "Waiting"
	// ReasonComplete: an operation is done.
	ReasonComplete = "Complete"
	// ReasonRefused: an operation would not be safe, or could not be carried out; the message says why.
	ReasonRefused = "Refused"
	// ReasonTimedOut: an operation was not done in its time.
	ReasonTimedOut = "TimedOut"
	// ReasonClusterMissing: the cluster of an operation is not there.
	ReasonClusterMissing = "ClusterMissing"
	// ReasonSwitchingOver: the primary is asked to hand over; the message says to whom, or why it could not.
	ReasonSwitchingOver = "SwitchingOver"
	// ReasonAgentOutdated: pods run an older agent than new pods would; no harm, and no restart for it.
	ReasonAgentOutdated = "AgentOutdated"
	// ReasonCandidateReady: a replica is caught up.
	ReasonCandidateReady = "CandidateReady"
	// ReasonSingleMember: one member has nobody to fail over to.
	ReasonSingleMember = "SingleMember"
	// ReasonNoCandidate: no replica is caught up.
	ReasonNoCandidate = "NoCandidate"
	// ReasonWaitingForMembers: members with data of a former cluster of this name must come up before a primary is
	// chosen; the message names them.
	ReasonWaitingForMembers = "WaitingForMembers"
	// ReasonWaitingForQuorum: too few members are there for the durability that the spec asks for.
	ReasonWaitingForQuorum = "WaitingForQuorum"
	// ReasonNoQuorumMargin: the loss of one more member would stop writes.
	ReasonNoQuorumMargin = "NoQuorumMargin"
	// ReasonShardNotEmpty: a shard that the spec no longer has holds data; the message says how to go on.
	ReasonShardNotEmpty = "ShardNotEmpty"
	// ReasonSchemaInSync: every member has the tables that the others have.
	ReasonSchemaInSync = "SchemaInSync"
	// ReasonSchemaBehind: a member lacks tables, or has some that it does not share; the message says which.
	ReasonSchemaBehind = "SchemaBehind"
)
