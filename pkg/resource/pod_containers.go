// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// Paths of the agent's probes on MetricsPort.
const (
	// ReadyPath answers 200 when the member serves, and as a replica is caught up.
	ReadyPath = "/readyz"
	// LivePath answers 200 as long as the agent itself works; it says nothing about the engine, which the agent
	// restarts without help.
	LivePath = "/livez"
)

// imageAgentPath is where the agent lies in its own image.
const imageAgentPath = "/atlasdb-agent"

// installContainer copies the agent into the pod, so that the engine's image stays the vendor's own. It gets what the
// engine gets: a pod needs the larger of the two, so this costs nothing, a quota that demands requests or limits is
// content, and a pod that is Guaranteed stays so.
func installContainer(in PodInput) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(InstallContainer).
		WithCommand(imageAgentPath, "install", AgentPath).
		WithResources(resources(in)).
		WithSecurityContext(containerSecurity()).
		WithVolumeMounts(mount(agentVolume, AgentMountPath))
}

// engineContainer runs the engine's image with the agent as its first process; the image's own entry point is not used.
func engineContainer(in PodInput) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(EngineContainer).
		WithImage(in.Image).
		WithCommand(AgentPath, "run").
		WithArgs(agentArguments(in)...).
		WithEnv(
			fieldVariable(EnvPodName, "metadata.name"),
			fieldVariable(EnvPodNamespace, "metadata.namespace"),
			fieldVariable(EnvPodUID, "metadata.uid"),
			fieldVariable(EnvPodIP, "status.podIP"),
			// The one UTF-8 locale that every image has; the engine's messages stay in English.
			corev1ac.EnvVar().WithName("LANG").WithValue("C.UTF-8")).
		WithPorts(ports(in)...).
		WithResources(resources(in)).
		WithSecurityContext(containerSecurity()).
		WithReadinessProbe(readiness()).
		WithLivenessProbe(liveness()).
		// The agent writes its incarnation there: read from the pod's status, it proves that this life of it has ended
		// (PROTOCOL I5).
		WithTerminationMessagePath(TerminationMessagePath).
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile).
		WithVolumeMounts(engineMounts()...)
}

// agentArguments tell the agent what must be known before it has read a plan: how the members elect their primary
// depends on the engine and on whether there are shards, and in an ensemble another server runs.
func agentArguments(in PodInput) []string {
	arguments := []string{"--engine=" + string(in.Traits.Type), "--cluster=" + in.Cluster.Name}
	if in.Cluster.Spec.Shards != nil {
		arguments = append(arguments, "--sharded")
	}
	if in.Ensemble != nil {
		arguments = append(arguments, "--component="+in.Ensemble.Component)
	}
	return arguments
}

// ports are the ports of a pod that have a name. Those between members need none, and an ensemble has no clients.
func ports(in PodInput) []*corev1ac.ContainerPortApplyConfiguration {
	var named []*corev1ac.ContainerPortApplyConfiguration
	if in.Ensemble == nil {
		for _, p := range namedClientPorts(in.Traits) {
			named = append(named, port(p.Name, p.Number))
		}
	}
	return append(named, port(MetricsPortName, MetricsPort), port(PeerPortName, PeerPort))
}

// fieldVariable is a variable with a field of the pod. The version is the server's default, said because the server
// keeps the reference as one piece.
func fieldVariable(name, path string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)))
}

func port(name string, number int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithContainerPort(number).WithProtocol(corev1.ProtocolTCP)
}

// readiness decides who is behind the Services and counts for the PodDisruptionBudget, so it is asked every second: the
// time until a new primary is reachable contains this period. Three misses, because one slow answer is no failure.
func readiness() *corev1ac.ProbeApplyConfiguration {
	return probe(ReadyPath).WithPeriodSeconds(1).WithTimeoutSeconds(1).WithFailureThreshold(3)
}

// liveness restarts an agent that hangs. It is in no hurry (six misses, ten seconds apart): a primary whose agent hangs
// loses the Lease long before, and a restart for nothing would cost more.
func liveness() *corev1ac.ProbeApplyConfiguration {
	return probe(LivePath).WithPeriodSeconds(10).WithTimeoutSeconds(5).WithFailureThreshold(6)
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().
		WithPath(path).WithPort(intstr.FromString(MetricsPortName)))
}

func resources(in PodInput) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := in.Cluster.Spec.Resources
	if in.Ensemble != nil {
		r = in.Ensemble.Resources
	}
	wanted := corev1ac.ResourceRequirements()
	if len(r.Requests) > 0 {
		wanted.WithRequests(r.Requests)
	}
	if len(r.Limits) > 0 {
		wanted.WithLimits(r.Limits)
	}
	return wanted
}
