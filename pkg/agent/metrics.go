// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	pure "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// metrics are what the agent counts of itself; the engine's own are the driver's.
type metrics struct {
	steps   *prometheus.CounterVec
	reports prometheus.Counter
	role    *prometheus.GaugeVec
	plan    *prometheus.GaugeVec
	ready   prometheus.Gauge
}

func newMetrics() *metrics {
	return &metrics{
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
	return r
}

// took counts a step.
func (m *metrics) took(kind pure.StepKind) { m.steps.WithLabelValues(string(kind)).Inc() }

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
