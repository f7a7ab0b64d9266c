// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
)

// Metrics asks the server at each scrape, over a connection of its own: the loop is never held up by a scrape, and a
// number is as old as the scrape and not older.
type Metrics struct {
	ctx     context.Context //nolint:containedctx // Collect is handed none; this one ends with the agent
	db      database
	queries []query
	up      *prometheus.Desc
}

// query is one statement and the metrics that its rows become. The first columns are the values of labels, the others
// those of metrics, in order.
type query struct {
	sql     string
	labels  []string
	metrics []metric
}

type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// scrapeTimeout bounds all queries of one scrape; Prometheus itself gives up after 10 s.
const scrapeTimeout = 5 * time.Second

// NewMetrics returns the metrics of the server whose socket is in the given directory, to be collected while ctx lasts.
func NewMetrics(ctx context.Context, socketDirectory string) *Metrics {
	return &Metrics{
		ctx:     ctx,
		db:      database{directory: socketDirectory},
		queries: queries(),
		up:      prometheus.NewDesc("atlasdb_postgresql_up", "1 when the server answers.", nil, nil),
	}
}

// Describe names every metric.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	for _, q := range m.queries {
		for _, x := range q.metrics {
			out <- x.desc
		}
	}
}

// Collect asks the server. A query that fails leaves its metrics out: an old number would be a lie.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	up := 1.0
	for _, q := range m.queries {
		if err := m.collect(ctx, q, out); err != nil {
			up = 0
			klog.FromContext(ctx).V(2).Info("Query for metrics failed", "err", err)
			break
		}
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, up)
}

func (m *Metrics) collect(ctx context.Context, q query, out chan<- prometheus.Metric) error {
	pool, err := m.db.connect(ctx)
	if err != nil {
		return err
	}
	rows, err := pool.Query(ctx, q.sql)
	if err != nil {
		return err
	}
	labels, values := make([]string, len(q.labels)), make([]*float64, len(q.metrics))
	var columns []any
	for i := range labels {
		columns = append(columns, &labels[i])
	}
	for i := range values {
		columns = append(columns, &values[i])
	}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		for i, x := range q.metrics {
			if values[i] != nil {
				out <- prometheus.MustNewConstMetric(x.desc, x.kind, *values[i], labels...)
			}
		}
		return nil
	})
	return err
}
