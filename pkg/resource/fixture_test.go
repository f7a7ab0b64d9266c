// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

var traits = engine.Traits{
	Type: v1alpha1.EnginePostgreSQL, Provider: "postgresql", URIScheme: "postgresql", URIOptions: "sslmode=require",
	Database: "app", ClientPort: 5432, DataSubdirectory: "pgdata",
}

// traitsOf are those, and a second port for clients where every member accepts writes.
func traitsOf(cluster *v1alpha1.DatabaseCluster) engine.Traits {
	t := traits
	if cluster.Spec.Engine == v1alpha1.EngineClickHouse {
		t.Type, t.ClientPorts = v1alpha1.EngineClickHouse, []engine.Port{{Name: "https", Number: 8443}}
	}
	return t
}

// topologyOf is that of an engine that has one for clusters with shards and another for those without, or of one that
// has no primary.
func topologyOf(cluster *v1alpha1.DatabaseCluster) engine.Topology {
	if cluster.Spec.Engine == v1alpha1.EngineClickHouse {
		return engine.Topology{
			Leadership: engine.LeadershipNone, MemberPorts: []int32{9010},
			Ensemble: &engine.Ensemble{
				Component: "keeper", Needed: true, Members: 3, Ports: []int32{9281, 9234},
				Storage: resource.MustParse("5Gi"), Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
					corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("256Mi"),
				}},
			},
		}
	}
	if cluster.Spec.Shards == nil {
		return engine.Topology{Leadership: engine.LeadershipLease}
	}
	return engine.Topology{Leadership: engine.LeadershipElected, MemberPorts: []int32{16379}}
}

// minimal is the least that a user writes, with the defaults of the API.
func minimal() *v1alpha1.DatabaseCluster {
	return &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: "shop", UID: "11111111-2222-3333-4444-555555555555"},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine:  v1alpha1.EnginePostgreSQL,
			Version: "17",
			Members: 1,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("20Gi")},
			Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("512Mi"),
			}},
			Durability:     v1alpha1.DurabilityMajority,
			PowerState:     v1alpha1.PowerRunning,
			DeletionPolicy: v1alpha1.DeletionRetain,
			Network:        v1alpha1.NetworkSpec{TLS: v1alpha1.TLSSpec{Mode: v1alpha1.TLSRequired}},
			Scheduling: v1alpha1.SchedulingSpec{Spread: v1alpha1.SpreadSpec{
				Node: v1alpha1.SpreadPreferred, Zone: v1alpha1.SpreadPreferred,
			}},
		},
	}
}

// sharded has two shards of two members.
func sharded() *v1alpha1.DatabaseCluster {
	c := minimal()
	c.Spec.Engine = v1alpha1.EngineRedis
	c.Spec.Shards, c.Spec.Members = new(int32(2)), 2
	return c
}

// leaderless has two shards of two members that all accept writes, and an ensemble.
func leaderless() *v1alpha1.DatabaseCluster {
	c := sharded()
	c.Spec.Engine = v1alpha1.EngineClickHouse
	return c
}

// maximal has everything that shows in an object, quantities in a form that is not the server's own.
func maximal() *v1alpha1.DatabaseCluster {
	c := minimal()
	c.Spec.Members = 3
	c.Spec.Storage = v1alpha1.StorageSpec{Size: resource.MustParse("102400Mi"), ClassName: new("fast")}
	c.Spec.Resources = v1alpha1.ResourcesSpec{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("1000m"), corev1.ResourceMemory: resource.MustParse("2048Mi"),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("1.5"), corev1.ResourceMemory: resource.MustParse("4Gi"),
		},
	}
	c.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	c.Spec.Network.AllowedPeers = []v1alpha1.NetworkPeer{
		{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}}},
		{PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"cart", "till"}},
		}}},
		{
			NamespaceSelector: &metav1.LabelSelector{},
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"bi": "yes"}},
		},
	}
	c.Spec.Scheduling = v1alpha1.SchedulingSpec{
		NodeSelector:      map[string]string{"disk": "nvme"},
		PriorityClassName: "databases",
		Tolerations: []corev1.Toleration{
			{
				Key: "databases", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute,
				TolerationSeconds: new(int64(60)),
			},
			{Key: "team", Value: "shop"},
			{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		},
		Spread: v1alpha1.SpreadSpec{Node: v1alpha1.SpreadRequired, Zone: v1alpha1.SpreadRequired},
	}
	c.Spec.ImagePullSecrets = []v1alpha1.ImagePullSecret{{Name: "mirror"}}
	return c
}

func podInput(cluster *v1alpha1.DatabaseCluster) PodInput {
	return PodInput{
		Cluster: cluster, Member: MemberName(cluster, Place{}), Build: "17.6", Image: "docker.io/library/postgres:17.6",
		Agent: Agent{Image: "example.com/atlasdb:1"}, RunAsUser: 999, RunAsGroup: 999, Traits: traitsOf(cluster),
	}
}

// ensembleObjects are the objects of an ensemble, with the volume and the pod of its first member.
func ensembleObjects(cluster *v1alpha1.DatabaseCluster, ensemble engine.Ensemble) []runtime.ApplyConfiguration {
	input := podInput(cluster)
	input.Member, input.Ensemble = MemberName(cluster, Place{Component: ensemble.Component}), &ensemble
	return []runtime.ApplyConfiguration{
		EnsembleNetworkPolicy(cluster, ensemble),
		EnsembleBudget(cluster, ensemble),
		PersistentVolumeClaim(VolumeInput{Cluster: cluster, Member: input.Member, Build: "17.6", Size: ensemble.Storage}),
		Pod(input),
	}
}

// objects are all objects of a cluster, in the order in which the controller asks for them. A second member has its
// volume and pod like the first; a second shard its budget.
func objects(cluster *v1alpha1.DatabaseCluster) []runtime.ApplyConfiguration {
	pem := func(what string) []byte { return []byte(what + " as PEM") }
	topology, traits := topologyOf(cluster), traitsOf(cluster)
	all := []runtime.ApplyConfiguration{
		ServiceAccount(cluster),
		Role(cluster, topology),
		RoleBinding(cluster),
		HeadlessService(cluster, traits, topology),
		ReadWriteService(cluster, traits, topology),
		ReadOnlyService(cluster, traits),
		NetworkPolicy(cluster, traits, topology),
	}
	for shard := range Shards(cluster) {
		all = append(all, PodDisruptionBudget(cluster, shard))
	}
	if topology.Leadership == engine.LeadershipLease {
		all = append(all, Lease(cluster, "", 0))
	}
	if topology.Ensemble != nil {
		all = append(all, ensembleObjects(cluster, *topology.Ensemble)...)
	}
	input := podInput(cluster)
	return append(all,
		CASecret(cluster, pem("authority"), pem("authority's key")),
		TLSSecret(cluster, Certificates{
			CA: pem("authority"), ServerCert: pem("server"), ServerKey: pem("server's key"),
			ClientCert: pem("client"), ClientKey: pem("client's key"),
		}),
		AppSecret(cluster, traits, Login{Username: "app", Password: "pass/word", Database: "app", CA: pem("authority")}),
		PlanSecret(cluster, []byte(`{"protocol":1}`)),
		PersistentVolumeClaim(VolumeInput{
			Cluster: cluster, Member: input.Member, Build: "17.6", Size: cluster.Spec.Storage.Size,
			Owned: cluster.Spec.DeletionPolicy == v1alpha1.DeletionDelete,
		}),
		Pod(input),
	)
}
