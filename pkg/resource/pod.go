// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Containers of a member's pod.
const (
	// InstallContainer is the init container that copies the agent into the pod.
	InstallContainer = "install-agent"
	// EngineContainer runs the engine's image, with the agent as its first process.
	EngineContainer = "engine"
)

// Ports of a member's pod, beside the engine's own.
const (
	// ClientPortName is the name of the engine's port for clients.
	ClientPortName = "client"
	// MetricsPortName is the name of the agent's port for metrics and probes.
	MetricsPortName = "metrics"
	// MetricsPort is the agent's port for metrics and probes, plain HTTP.
	MetricsPort int32 = 9400
	// PeerPortName is the name of the agent's port for other agents.
	PeerPortName = "peer"
	// PeerPort is the agent's port for the agents of the other members, over mutual TLS.
	PeerPort int32 = 9401
)

// Variables with which a pod tells the agent who it is.
const (
	EnvPodName      = "POD_NAME"
	EnvPodNamespace = "POD_NAMESPACE"
	EnvPodUID       = "POD_UID"
	EnvPodIP        = "POD_IP"
)

// terminationGraceSeconds is how long a member may take to stop. A clean stop of a busy primary writes a checkpoint,
// and waits until a replica has confirmed the shutdown position.
const terminationGraceSeconds = 120

// Agent says which agent a new pod gets.
type Agent struct {
	// Image is the image that carries it.
	Image string
	// LogFormat is the format of its log, "text" or "json"; "" for the agent's own default.
	LogFormat string
}

// PodInput says what the pod of a member is made of.
type PodInput struct {
	// Cluster is whose pod it is.
	Cluster *v1alpha1.DatabaseCluster
	// Member is the member's name.
	Member string
	// Build is the engine's build, and Image its image.
	Build, Image string
	// Agent is the agent of a new pod.
	Agent Agent
	// RunAsUser and RunAsGroup are the ids of the engine in its image; the group also owns the volume.
	RunAsUser, RunAsGroup int64
	// Traits are the fixed facts of the engine.
	Traits engine.Traits
	// Ensemble is the ensemble that the member belongs to; nil for a member of the cluster itself.
	Ensemble *engine.Ensemble
}

// Pod is the pod of a member. It is created and deleted, never changed: what differs from a newer spec shows as another
// value of the annotation v1alpha1.AnnotationPodHash.
func Pod(in PodInput) *corev1ac.PodApplyConfiguration {
	pod := podWithoutAgent(in)
	// The agent comes after the hash, so that a new operator with another agent calls no pod outdated.
	hash := PodHash(pod)
	pod.Spec.InitContainers[0].WithImage(in.Agent.Image)
	if in.Agent.LogFormat != "" {
		pod.Spec.Containers[0].WithArgs("--log-format=" + in.Agent.LogFormat)
	}
	return pod.WithAnnotations(map[string]string{v1alpha1.AnnotationPodHash: hash})
}

// PodHash is the hash of a pod as it is wanted.
func PodHash(pod *corev1ac.PodApplyConfiguration) string {
	encoded, err := json.Marshal(pod)
	if err != nil {
		panic(fmt.Sprintf("apply configurations are plain data, yet encoding one failed: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

func podWithoutAgent(in PodInput) *corev1ac.PodApplyConfiguration {
	cluster := in.Cluster
	spec := corev1ac.PodSpec().
		WithServiceAccountName(ServiceAccountName(cluster.Name)).
		WithAutomountServiceAccountToken(true).
		// A variable for each Service of the namespace would make the engine's environment depend on strangers.
		WithEnableServiceLinks(false).
		WithHostname(in.Member).
		WithSubdomain(HeadlessServiceName(cluster.Name)).
		WithRestartPolicy(corev1.RestartPolicyAlways).
		WithTerminationGracePeriodSeconds(terminationGraceSeconds).
		WithSecurityContext(podSecurity(in.RunAsUser, in.RunAsGroup)).
		WithInitContainers(installContainer(in)).
		WithContainers(engineContainer(in)).
		WithVolumes(volumes(in)...)
	at, _ := PlaceOf(cluster, in.Member)
	schedule(spec, cluster, at)
	for _, s := range cluster.Spec.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(s.Name))
	}
	return corev1ac.Pod(in.Member, cluster.Namespace).
		WithLabels(memberLabels(cluster, in.Member, in.Build)).
		WithOwnerReferences(ownedBy(cluster)).
		WithSpec(spec)
}
