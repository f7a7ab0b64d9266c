// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DatabaseEngine is what the platform offers of one engine: its versions and the images they run. There is one object
// per engine, named like the engine in lower case. An edit touches no running cluster.
//
// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=databaseengines,shortName=adbe,categories=atlasdb,scope=Cluster
// +kubebuilder:printcolumn:name="Engine",type=string,JSONPath=`.spec.engine`
// +kubebuilder:printcolumn:name="Default",type=string,JSONPath=`.spec.defaultVersion`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.engine.lowerAscii()",message="the name must be the engine in lower case, so that there is one object per engine",fieldPath=".metadata"
type DatabaseEngine struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. The name is the engine in lower case.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the offer.
	// +required
	Spec DatabaseEngineSpec `json:"spec"`
}

// DatabaseEngineList is a list of DatabaseEngines.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type DatabaseEngineList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	metav1.ListMeta `json:"metadata"`
	// items are the DatabaseEngines.
	Items []DatabaseEngine `json:"items"`
}

// DatabaseEngineSpec is the offer of one engine.
//
// +kubebuilder:validation:XValidation:rule="self.versions.exists(v, v.name == self.defaultVersion)",message="defaultVersion must be one of versions"
type DatabaseEngineSpec struct {
	// engine is the engine that is offered. Cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="engine cannot change"
	Engine EngineType `json:"engine"`
	// runAsUser is the user id of the engine in its images. The vendor's images have 999 for PostgreSQL, Redis and
	// MongoDB, 101 for ClickHouse. Pods that exist keep theirs.
	// +required
	// +kubebuilder:validation:Minimum=1
	RunAsUser int64 `json:"runAsUser"`
	// runAsGroup is the group id of the engine in its images, and the group of its volumes.
	// +required
	// +kubebuilder:validation:Minimum=1
	RunAsGroup int64 `json:"runAsGroup"`
	// defaultVersion is the build that tools propose; it must be one of versions. Can change.
	// +required
	// +kubebuilder:validation:MaxLength=32
	DefaultVersion string `json:"defaultVersion"`
	// versions are the builds, in any order. Entries can be added and removed; the image of an entry cannot change, since
	// members that restart would change with it.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Versions []EngineVersion `json:"versions"`
}

// EngineVersion is one build of an engine.
//
// +kubebuilder:validation:XValidation:rule="has(self.ensembleImage) == has(oldSelf.ensembleImage) && (!has(self.ensembleImage) || self.ensembleImage == oldSelf.ensembleImage)",message="the image of a version cannot change: add a version",fieldPath=".ensembleImage"
type EngineVersion struct {
	// name is the version as the engine calls it, for instance "17.6".
	// +required
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+){1,3}$`
	Name string `json:"name"`
	// image is the image of the build; with a digest it is the same for ever. Cannot change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.:/_]*[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the image of a version cannot change: add a version"
	Image string `json:"image"`
	// ensembleImage is the image of the servers that keep the members' consensus, of an engine that has such: ZooKeeper
	// for a ClickHouse that has no Keeper of its own. Default: the image. Cannot change.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.:/_]*[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$`
	EnsembleImage string `json:"ensembleImage,omitempty"`
	// upgradeFrom are the builds of another major version from which this one can be reached. Builds of the same major
	// version need no entry. Default none. Can change.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=32
	UpgradeFrom []string `json:"upgradeFrom,omitempty"`
	// lifecycle is Supported, or Deprecated: a deprecated build is not proposed and not chosen by a version prefix.
	// Default Supported. Can change.
	// +optional
	// +kubebuilder:default=Supported
	Lifecycle VersionLifecycle `json:"lifecycle,omitempty"`
}

// VersionLifecycle says whether a build is proposed.
//
// +kubebuilder:validation:Enum=Supported;Deprecated
type VersionLifecycle string

// The values of VersionLifecycle.
const (
	LifecycleSupported  VersionLifecycle = "Supported"
	LifecycleDeprecated VersionLifecycle = "Deprecated"
)
