// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
)

// KeeperMetrics asks the keeper at each scrape.
type KeeperMetrics struct {
	ctx    context.Context //nolint:containedctx // Collect is handed none; this one ends with the agent
	driver *KeeperDriver
	up     *prometheus.Desc
}

// NewKeeperMetrics returns the metrics of the keeper that a driver runs, to be collected while ctx lasts.
func NewKeeperMetrics(ctx context.Context, d *KeeperDriver) *KeeperMetrics {
	return &KeeperMetrics{ctx: ctx, driver: d, up: prometheus.NewDesc(
		keeperPrefix+"up", "1 when the keeper answers and sees a majority.", nil, nil)}
}

const keeperPrefix = "atlasdb_keeper_"

// ofKeeper are the lines of mntr that both kinds of keeper have. Of an ensemble only the leader knows its followers.
var ofKeeper = map[string]keeperMetric{
	"zk_server_state":               keeperGauge("leader", "1 on the keeper that leads the others."),
	"zk_synced_followers":           keeperGauge("synced_followers", "Followers that are level, as the leader sees them."),
	"zk_znode_count":                keeperGauge("znodes", "Nodes of the tree."),
	"zk_approximate_data_size":      keeperGauge("data_bytes", "Data of the tree."),
	"zk_ephemerals_count":           keeperGauge("ephemerals", "Nodes that end with their session."),
	"zk_watch_count":                keeperGauge("watches", "Watches that clients have set."),
	"zk_num_alive_connections":      keeperGauge("connections", "Connections of clients."),
	"zk_outstanding_requests":       keeperGauge("outstanding_requests", "Requests that wait."),
	"zk_avg_latency":                keeperTime("latency_average_seconds", "Mean latency of requests."),
	"zk_max_latency":                keeperTime("latency_max_seconds", "Largest latency of a request."),
	"zk_packets_received":           keeperCounter("packets_received_total", "Packets received of clients."),
	"zk_packets_sent":               keeperCounter("packets_sent_total", "Packets sent to clients."),
	"zk_open_file_descriptor_count": keeperGauge("open_files", "Files and connections that are open."),
}

// keeperMetric is what Prometheus sees of a line, of which so many make one of its units.
type keeperMetric struct {
	metric
	per float64
}

func keeperGauge(name, help string) keeperMetric { return ofLine(prometheus.GaugeValue, 1, name, help) }

func keeperCounter(name, help string) keeperMetric {
	return ofLine(prometheus.CounterValue, 1, name, help)
}

// keeperTime is a line in milliseconds.
func keeperTime(name, help string) keeperMetric {
	return ofLine(prometheus.GaugeValue, 1000, name, help)
}

func ofLine(kind prometheus.ValueType, per float64, name, help string) keeperMetric {
	return keeperMetric{metric{desc: prometheus.NewDesc(keeperPrefix+name, help, nil, nil), kind: kind}, per}
}

// Describe names every metric.
func (m *KeeperMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	for _, one := range ofKeeper {
		out <- one.desc
	}
}

// Collect asks the keeper. One that sees no majority answers nothing else.
func (m *KeeperMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	lines, err := m.driver.monitor(ctx)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Asking the keeper for metrics failed", "err", err)
	}
	if len(lines) == 0 {
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 1)
	for name, value := range lines {
		if one, wanted := ofKeeper[name]; wanted {
			out <- prometheus.MustNewConstMetric(one.desc, one.kind, value/one.per)
		}
	}
}

// monitor asks for all numbers of the keeper; none of one that sees no majority.
func (d *KeeperDriver) monitor(ctx context.Context) (map[string]float64, error) {
	kind := d.kind.Load()
	if kind == nil {
		return nil, nil
	}
	answer, err := d.words.ask(ctx, *kind, local, localhost, "mntr")
	if err != nil {
		return nil, err
	}
	return numbersIn(answer), nil
}

// numbersIn reads the answer to mntr, of which what is no number is left out but for who leads.
func numbersIn(answer string) map[string]float64 {
	found := map[string]float64{}
	for line := range strings.Lines(answer) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		if name == "zk_server_state" {
			found[name] = 0
			if (keeperState{Mode: value}).Leads() {
				found[name] = 1
			}
		} else if n, err := strconv.ParseFloat(value, 64); err == nil {
			found[name] = n
		}
	}
	return found
}
