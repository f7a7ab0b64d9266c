// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// Paths of a member's pod, for the agent and for the engine's configuration.
const (
	// AgentMountPath is the folder of the agent, and AgentPath the agent itself.
	AgentMountPath = "/opt/atlasdb"
	AgentPath      = AgentMountPath + "/atlasdb-agent"
	// DataMountPath is where the volume is mounted. The engine's data lies in a folder of it (Traits.DataSubdirectory)
	// that the agent makes with mode 0700: the root of the volume gets group rights at every mount.
	DataMountPath = "/var/lib/atlasdb"
	// PlanMountPath is where the plan is mounted, under engine.PlanKey.
	PlanMountPath = "/etc/atlasdb/plan"
	// TLSMountPath is where the certificates are mounted, under the keys of TLSSecret.
	TLSMountPath = "/etc/atlasdb/tls"
	// RunMountPath is a folder that is empty at the start of a pod, for sockets and process ids.
	RunMountPath = "/run"
	// TerminationMessagePath is the file that the kubelet copies into the pod's status when a container has ended.
	TerminationMessagePath = "/dev/termination-log"

	// MemoryMountPath is where POSIX shared memory lives, and what is to be on no disk. The container runtime gives it
	// 64 MiB, too little for a parallel query; backed by memory of the pod's own it is bounded by the pod's limit.
	MemoryMountPath = "/dev/shm"

	tmpMountPath = "/tmp"
)

// Volumes of a member's pod.
const (
	agentVolume = "agent"
	dataVolume  = "data"
	planVolume  = "plan"
	tlsVolume   = "tls"
	runVolume   = "run"
	tmpVolume   = "tmp"
	shmVolume   = "shm"
)

// secretMode lets the pod's group read what root owns. PostgreSQL takes a private key of root only with 0640 or less.
const secretMode int32 = 0o640

func volumes(in PodInput) []*corev1ac.VolumeApplyConfiguration {
	return []*corev1ac.VolumeApplyConfiguration{
		corev1ac.Volume().WithName(dataVolume).WithPersistentVolumeClaim(
			corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(in.Member)),
		secretVolume(planVolume, PlanSecretName(in.Cluster.Name)),
		secretVolume(tlsVolume, TLSSecretName(in.Cluster.Name)),
		emptyVolume(agentVolume),
		emptyVolume(runVolume),
		emptyVolume(tmpVolume),
		corev1ac.Volume().WithName(shmVolume).WithEmptyDir(
			corev1ac.EmptyDirVolumeSource().WithMedium(corev1.StorageMediumMemory)),
	}
}

func engineMounts() []*corev1ac.VolumeMountApplyConfiguration {
	return []*corev1ac.VolumeMountApplyConfiguration{
		mount(dataVolume, DataMountPath),
		mount(planVolume, PlanMountPath).WithReadOnly(true),
		mount(tlsVolume, TLSMountPath).WithReadOnly(true),
		mount(agentVolume, AgentMountPath).WithReadOnly(true),
		mount(runVolume, RunMountPath),
		mount(tmpVolume, tmpMountPath),
		mount(shmVolume, MemoryMountPath),
	}
}

func mount(volume, path string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(path)
}

func secretVolume(name, secret string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).WithSecret(
		corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(secretMode))
}

func emptyVolume(name string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).WithEmptyDir(corev1ac.EmptyDirVolumeSource())
}
