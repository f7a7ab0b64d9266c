// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// ClusterLister lists DatabaseClusters from a cache; the generated lister is one.
type ClusterLister interface {
	List(selector labels.Selector) ([]*v1alpha1.DatabaseCluster, error)
}

// WatchClusters reports the clusters in the listers at every scrape, while this process leads.
func (m *Metrics) WatchClusters(listers ...ClusterLister) {
	desc := func(name, help string) *prometheus.Desc {
		name = prometheus.BuildFQName(prefix, "cluster", name)
		return prometheus.NewDesc(name, help, []string{"namespace", "name", "engine"}, nil)
	}
	m.registry.MustRegister(&clusterCollector{
		leading:      m.leading.Load,
		listers:      listers,
		ready:        desc("ready", "1 when the condition Ready is True, else 0."),
		members:      desc("members", "Members that the spec asks for, over all shards."),
		readyMembers: desc("ready_members", "Members that are ready, over all shards."),
	})
}

// clusterCollector implements prometheus.Collector.
type clusterCollector struct {
	leading                      func() bool
	listers                      []ClusterLister
	ready, members, readyMembers *prometheus.Desc
}

// Describe sends the descriptors of all series.
func (c *clusterCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.ready
	descs <- c.members
	descs <- c.readyMembers
}

// Collect sends three series for each cluster in the caches.
func (c *clusterCollector) Collect(series chan<- prometheus.Metric) {
	if !c.leading() {
		return
	}
	for _, lister := range c.listers {
		clusters, err := lister.List(labels.Everything())
		if err != nil {
			series <- prometheus.NewInvalidMetric(c.ready, err)
			return
		}
		for _, cluster := range clusters {
			c.collect(series, cluster)
		}
	}
}

func (c *clusterCollector) collect(series chan<- prometheus.Metric, cluster *v1alpha1.DatabaseCluster) {
	send := func(desc *prometheus.Desc, value float64) {
		series <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value,
			cluster.Namespace, cluster.Name, strings.ToLower(string(cluster.Spec.Engine)))
	}
	members := float64(cluster.Spec.Members)
	if shards := cluster.Spec.Shards; shards != nil {
		members *= float64(*shards)
	}
	send(c.ready, number(meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)))
	send(c.members, members)
	send(c.readyMembers, float64(cluster.Status.ReadyMembers))
}
