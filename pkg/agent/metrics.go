// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// metrics are what the agent counts of itself; the engine's own are the driver's.
type metrics struct {
	steps   *prometheus.CounterVec
	reports prometheus.Counter
	role    *prometheus.GaugeVec
	plan    *prometheus.GaugeVec
	ready   prometheus.Gauge
	elector elector
}

func newMetrics(elector elector) *metrics {
	return &metrics{
		elector: elector,
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "atlasdb_agent_steps_total", Help: "Steps that the agent took, by kind.",
		}, []string{"step"}),
		reports: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "atlasdb_agent_reports_total", Help: "Reports that the agent wrote to its pod.",
		}),
		role: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "atlasdb_member_role", Help: "1 for the role that the member reports.",
		}, []string{"role"}),
		plan: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "atlasdb_member_plan_info", Help: "1 for the hash of the plan that was carried out last.",
		}, []string{"hash"}),
		ready: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "atlasdb_member_ready", Help: "1 when the member serves, and for a replica is caught up.",
		}),
	}
}

// registry holds the agent's metrics and those of its engine.
func (m *metrics) registry(engine prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(m.steps, m.reports, m.role, m.plan, m.ready, engine, collectors.NewGoCollector())
	r.MustRegister(m.election()...)
	return r
}

// election are the metrics of the election, read at each scrape.
func (m *metrics) election() []prometheus.Collector {
	number := func(kind string) func(name, help string, value func(election.Report) float64) prometheus.Collector {
		return func(name, help string, value func(election.Report) float64) prometheus.Collector {
			read := func() float64 { return value(m.elector.Report()) }
			if kind == "counter" {
				return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read)
			}
			return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
		}
	}
	gauge, counter := number("gauge"), number("counter")
	return []prometheus.Collector{
		gauge("atlasdb_election_holder", "1 while this member holds the cluster's Lease.", func(r election.Report) float64 {
			if r.Holds {
				return 1
			}
			return 0
		}),
		gauge("atlasdb_election_epoch", "The highest epoch that this member knows of.",
			func(r election.Report) float64 { return float64(r.Epoch) }),
		counter("atlasdb_election_tenures_total", "Times that this member took the Lease.",
			func(r election.Report) float64 { return float64(r.Counts.Tenures) }),
		counter("atlasdb_election_failovers_total", "Times that this member became primary after another.",
			func(r election.Report) float64 { return float64(r.Counts.Failovers) }),
		counter("atlasdb_election_handovers_total", "Times that this member named its successor.",
			func(r election.Report) float64 { return float64(r.Counts.Handovers) }),
		counter("atlasdb_election_fences_total", "Times that this member's engine was killed.",
			func(r election.Report) float64 { return float64(r.Counts.Fences) }),
	}
}

// took counts a step.
func (m *metrics) took(kind runbook.StepKind) { m.steps.WithLabelValues(string(kind)).Inc() }

// reported takes over what was said.
func (m *metrics) reported(role v1alpha1.MemberRole, ready bool, planHash string) {
	m.reports.Inc()
	m.role.Reset()
	m.role.WithLabelValues(string(role)).Set(1)
	m.plan.Reset()
	m.plan.WithLabelValues(planHash).Set(1)
	m.ready.Set(0)
	if ready {
		m.ready.Set(1)
	}
}
