// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseOperation is something to be done once to a DatabaseCluster. Scaling, parameters and versions are edits of
// the cluster's spec, never operations. Operations of one cluster run one at a time, the oldest first.
//
// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=databaseoperations,shortName=adbo,categories=atlasdb,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Complete",type=string,JSONPath=`.status.conditions[?(@.type=="Complete")].status`
// +kubebuilder:printcolumn:name="Failed",type=string,JSONPath=`.status.conditions[?(@.type=="Failed")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DatabaseOperation struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what is to be done. Cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an operation cannot change: delete it and create another"
	Spec DatabaseOperationSpec `json:"spec"`
	// status is how far it got.
	// +optional
	Status DatabaseOperationStatus `json:"status,omitempty"`
}

// DatabaseOperationList is a list of DatabaseOperations.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type DatabaseOperationList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	metav1.ListMeta `json:"metadata"`
	// items are the DatabaseOperations.
	Items []DatabaseOperation `json:"items"`
}

// DatabaseOperationSpec is what is to be done, and to which cluster.
//
// +kubebuilder:validation:XValidation:rule="!has(self.switchover) || self.type == 'Switchover'",message="the block switchover is only for type Switchover"
// +kubebuilder:validation:XValidation:rule="!has(self.restart) || self.type == 'Restart'",message="the block restart is only for type Restart"
// +kubebuilder:validation:XValidation:rule="has(self.rebuildMember) == (self.type == 'RebuildMember')",message="type RebuildMember needs the block rebuildMember, and no other type may have it"
type DatabaseOperationSpec struct {
	// clusterRef names the DatabaseCluster, in the same namespace.
	// +required
	ClusterRef ClusterReference `json:"clusterRef"`
	// type is the verb: Switchover (another member becomes primary), Restart (members restart one at a time),
	// RebuildMember (a replica's data is thrown away and copied anew) or PromoteAcceptingDataLoss (a primary is chosen
	// among the members that are there, although others with data are missing).
	// +required
	Type OperationType `json:"type"`
	// switchover says to whom. Only for type Switchover; absent: the most advanced replica.
	// +optional
	Switchover *SwitchoverOperation `json:"switchover,omitempty"`
	// restart says which members. Only for type Restart; absent: all.
	// +optional
	Restart *RestartOperation `json:"restart,omitempty"`
	// rebuildMember says which member. Only and always for type RebuildMember.
	// +optional
	RebuildMember *RebuildMemberOperation `json:"rebuildMember,omitempty"`
	// timeoutSeconds is after how many seconds the operation fails and is rolled back. Default 300.
	// +optional
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=86400
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// ttlSecondsAfterFinished is after how many seconds a finished operation is deleted. Absent: never.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ClusterReference names a DatabaseCluster of the same namespace.
type ClusterReference struct {
	// name is the DatabaseCluster's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name"`
}

// SwitchoverOperation says which member becomes primary.
type SwitchoverOperation struct {
	// target is the member's name. Absent: the most advanced replica.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Target string `json:"target,omitempty"`
}

// RestartOperation says which members restart.
type RestartOperation struct {
	// members are the members' names. Empty: all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=63
	Members []string `json:"members,omitempty"`
}

// RebuildMemberOperation says which member's data is copied anew.
type RebuildMemberOperation struct {
	// member is the member's name; it may not be the primary.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Member string `json:"member"`
}

// DatabaseOperationStatus is how far an operation got.
type DatabaseOperationStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// startTime is when the first step began.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// completionTime is when the operation was complete or had failed.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// primary is the member that was primary when the first step began.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Primary string `json:"primary,omitempty"`
	// steps are the steps taken so far, in order.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Steps []OperationStep `json:"steps,omitempty"`
	// conditions are Accepted, Complete and Failed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OperationStep is one step of an operation.
type OperationStep struct {
	// name is the step's name.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// completionTime is when the step was done; absent while it is under way.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// message says what the step did or waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// OperationType is the verb of an operation.
//
// +kubebuilder:validation:Enum=Switchover;Restart;RebuildMember;PromoteAcceptingDataLoss
type OperationType string

// The verbs.
const (
	OperationSwitchover               OperationType = "Switchover"
	OperationRestart                  OperationType = "Restart"
	OperationRebuildMember            OperationType = "RebuildMember"
	OperationPromoteAcceptingDataLoss OperationType = "PromoteAcceptingDataLoss"
)
