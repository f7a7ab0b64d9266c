// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// prefix begins every name.
const prefix = "atlasdb"

// seconds are the histogram buckets for everything that talks to the API server: a cached read takes about 1 ms, a
// write 5-20 ms, and beyond 10 s the exact figure no longer matters.
var seconds = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Metrics is everything that the operator counts.
type Metrics struct {
	registry  *prometheus.Registry
	leading   atomic.Bool
	queues    queues
	requests  requests
	syncs     *prometheus.HistogramVec
	failovers *prometheus.CounterVec
}

// New returns Metrics with a registry of their own.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		queues:   newQueues(),
		requests: newRequests(),
		syncs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: prefix, Name: "sync_duration_seconds", Buckets: seconds,
			Help: "How long one sync of one key took, by controller and by what came of it: " +
				"success, retry, delayed, terminal, forgotten, error or panic.",
		}, []string{"controller", "result"}),
		failovers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: prefix, Name: "failovers_total",
			Help: "Changes of a primary that this process has seen, by reason; a switchover has the reason Switchover.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version.Get()),
		m.leaderGauge(),
		m.syncs,
		m.failovers,
	)
	m.registry.MustRegister(m.queues.collectors()...)
	m.registry.MustRegister(m.requests.total, m.requests.duration)
	return m
}

// Handler serves the metrics in the formats that Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// ObserveSync counts one sync of a controller. result is one out of a fixed few words.
func (m *Metrics) ObserveSync(controller, result string, took time.Duration) {
	m.syncs.WithLabelValues(controller, result).Observe(took.Seconds())
}

// ObserveFailover counts one change of a primary. reason is one out of the few that agents know; another, of an agent
// that is newer than this process, is counted as Other.
func (m *Metrics) ObserveFailover(reason string) {
	switch reason {
	case engine.FailoverExpired, engine.FailoverReleased, engine.FailoverSwitchover, engine.FailoverContainerEnded,
		engine.FailoverFarewell:
	default:
		reason = "Other"
	}
	m.failovers.WithLabelValues(reason).Inc()
}

// SetLeading says whether this process holds the Lease and so acts on clusters.
func (m *Metrics) SetLeading(leading bool) { m.leading.Store(leading) }

func (m *Metrics) leaderGauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: prefix, Name: "leader",
		Help: "1 while this process holds the Lease and runs the controllers, else 0.",
	}, func() float64 { return number(m.leading.Load()) })
}

func buildInfo(info version.Info) prometheus.Collector {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: prefix, Name: "build_info",
		Help: "Always 1; the labels say which build is running.",
		ConstLabels: prometheus.Labels{
			"version": info.Version, "commit": info.Commit, "go_version": info.GoVersion,
		},
	})
	gauge.Set(1)
	return gauge
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
