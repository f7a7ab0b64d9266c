// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
)

// queues are the vectors behind all work queues, by queue and by the namespace that its keys are from: "" for all, else
// one of those that the operator was started for.
type queues struct {
	depth, unfinished, longest *prometheus.GaugeVec
	adds, retries              *prometheus.CounterVec
	waited, worked             *prometheus.HistogramVec
}

func newQueues() queues {
	labels := []string{"queue", "namespace"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: prefix, Subsystem: "workqueue", Name: name, Help: help,
		}, labels)
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: prefix, Subsystem: "workqueue", Name: name, Help: help,
		}, labels)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: prefix, Subsystem: "workqueue", Name: name, Help: help, Buckets: seconds,
		}, labels)
	}
	return queues{
		depth:      gauge("depth", "Keys that wait for a worker."),
		unfinished: gauge("unfinished_work_seconds", "Time spent so far on all keys that are with a worker."),
		longest:    gauge("longest_running_processor_seconds", "Time spent so far on the key that is longest with a worker."),
		adds:       counter("adds_total", "Keys added; one that already waits is not counted again."),
		retries:    counter("retries_total", "Keys added with a delay, after a failure or because a sync asked for it."),
		waited:     histogram("queue_duration_seconds", "How long a key waited for a worker."),
		worked:     histogram("work_duration_seconds", "How long a worker was busy with a key."),
	}
}

func (q queues) collectors() []prometheus.Collector {
	return []prometheus.Collector{q.depth, q.unfinished, q.longest, q.adds, q.retries, q.waited, q.worked}
}

// Queues returns the provider for the queues of controllers that serve one namespace, or "" for all.
func (m *Metrics) Queues(namespace string) workqueue.MetricsProvider {
	return queueProvider{queues: m.queues, namespace: namespace}
}

// queueProvider implements workqueue.MetricsProvider.
type queueProvider struct {
	queues
	namespace string
}

func (p queueProvider) NewDepthMetric(name string) workqueue.GaugeMetric {
	return p.depth.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewAddsMetric(name string) workqueue.CounterMetric {
	return p.adds.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewLatencyMetric(name string) workqueue.HistogramMetric {
	return p.waited.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewWorkDurationMetric(name string) workqueue.HistogramMetric {
	return p.worked.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewUnfinishedWorkSecondsMetric(name string) workqueue.SettableGaugeMetric {
	return p.unfinished.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewLongestRunningProcessorSecondsMetric(name string) workqueue.SettableGaugeMetric {
	return p.longest.WithLabelValues(name, p.namespace)
}

func (p queueProvider) NewRetriesMetric(name string) workqueue.CounterMetric {
	return p.retries.WithLabelValues(name, p.namespace)
}
