// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// Informer names one informer of the process.
type Informer struct {
	// Kind is the kind of objects, such as "Pod".
	Kind string
	// Namespace is the one that it watches, or "" for all.
	Namespace string
}

// WatchInformers reports at every scrape which informers have synced. synced is called from the scrape and returns
// at once.
func (m *Metrics) WatchInformers(synced func() map[Informer]bool) {
	m.registry.MustRegister(&informerCollector{
		synced: synced,
		desc: prometheus.NewDesc(prometheus.BuildFQName(prefix, "", "informer_synced"),
			"1 when the informer's cache holds what was there at its start, else 0.", []string{"kind", "namespace"}, nil),
	})
}

// informerCollector implements prometheus.Collector.
type informerCollector struct {
	synced func() map[Informer]bool
	desc   *prometheus.Desc
}

// Describe sends the one descriptor.
func (c *informerCollector) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect sends one series for each informer.
func (c *informerCollector) Collect(series chan<- prometheus.Metric) {
	for informer, synced := range c.synced() {
		series <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, number(synced),
			informer.Kind, informer.Namespace)
	}
}
