// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
)

// Access is how to log in at the own server while the agent lives.
type Access struct{ login login }

// Metrics asks the server at each scrape, over a connection of its own: the loop is never held up by a scrape, and a
// number is as old as the scrape and not older.
type Metrics struct {
	ctx    context.Context //nolint:containedctx // Collect is handed none; this one ends with the agent
	access Access
	up     *prometheus.Desc
}

const (
	// scrapeTimeout bounds one scrape; Prometheus itself gives up after 10 s.
	scrapeTimeout = 5 * time.Second
	// maxTables bounds the series: an application may make any number of tables.
	maxTables = 20
)

// NewMetrics returns the metrics of the server that is reached so, to be collected while ctx lasts.
func NewMetrics(ctx context.Context, access Access) *Metrics {
	return &Metrics{
		ctx: ctx, access: access, up: prometheus.NewDesc(prefix+"up", "1 when the server answers.", nil, nil),
	}
}

// Describe names every metric.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	for _, one := range ofServer {
		out <- one.desc
	}
	for _, one := range ofTable {
		out <- one
	}
}

// Collect asks the server. When it does not answer, all but its being down is left out: an old number would be a lie.
// The authority may be another at the next scrape, so the connection is made anew.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	client, err := connect(m.access.login)
	var seen numbers
	if err == nil {
		defer func() { _ = client.Close() }()
		seen, err = count(ctx, client)
	}
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Query for metrics failed", "err", err)
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 1)
	for _, one := range ofServer {
		if value, known := seen[one.source]; known {
			out <- prometheus.MustNewConstMetric(one.desc, one.kind, value)
		}
	}
	if err := collectTables(ctx, client, out); err != nil {
		klog.FromContext(ctx).V(2).Info("Query for metrics of tables failed", "err", err)
	}
}

// numbers are what the server counts, by table of the server and name in it.
type numbers map[source]float64

// source is where the server has a number.
type source struct{ table, name string }

// count asks for all that the server counts. What it counts from its start is an event and 0 until the first.
func count(ctx context.Context, client driver.Conn) (numbers, error) {
	seen := numbers{}
	for _, one := range ofServer {
		if one.source.table == events {
			seen[one.source] = 0
		}
	}
	const query = `SELECT 'events' AS kind, event AS name, toFloat64(value) AS value FROM system.events
		UNION ALL SELECT 'metrics', metric, toFloat64(value) FROM system.metrics
		UNION ALL SELECT 'asynchronous', metric, toFloat64(value) FROM system.asynchronous_metrics
		UNION ALL SELECT 'server', 'uptime', toFloat64(uptime())
		UNION ALL SELECT 'server', 'parts', toFloat64(count()) FROM system.parts WHERE active
		UNION ALL SELECT 'server', 'rows', toFloat64(sum(rows)) FROM system.parts WHERE active
		UNION ALL SELECT 'server', 'bytes', toFloat64(sum(bytes_on_disk)) FROM system.parts WHERE active
		UNION ALL SELECT 'server', 'merges', toFloat64(count()) FROM system.merges
		UNION ALL SELECT 'server', 'readonly', toFloat64(sum(is_readonly)) FROM system.replicas
		UNION ALL SELECT 'server', 'queue', toFloat64(sum(queue_size)) FROM system.replicas
		UNION ALL SELECT 'server', 'delay', toFloat64(max(absolute_delay)) FROM system.replicas`
	err := each(ctx, client, query, func(rows driver.Rows) error {
		var s source
		var value float64
		err := rows.Scan(&s.table, &s.name, &value)
		seen[s] = value
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("asking what the server counts: %w", err)
	}
	return seen, nil
}

// collectTables sends what is of each replicated table, those first that have most to do.
func collectTables(ctx context.Context, client driver.Conn, out chan<- prometheus.Metric) error {
	query := fmt.Sprintf(`SELECT database, table, toFloat64(absolute_delay), toFloat64(queue_size), toFloat64(is_readonly)
		FROM system.replicas ORDER BY absolute_delay DESC, queue_size DESC, database, table LIMIT %d`, maxTables)
	return each(ctx, client, query, func(rows driver.Rows) error {
		var database, table string
		values := make([]float64, len(ofTable))
		if err := rows.Scan(&database, &table, &values[0], &values[1], &values[2]); err != nil {
			return err
		}
		for i, desc := range ofTable {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, values[i], database, table)
		}
		return nil
	})
}
