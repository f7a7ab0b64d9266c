// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// scraped are the values of metrics, by name and the values of their labels, as in table_readonly/app/t.
type scraped map[string]float64

// measured fails unless a member's metrics are well-formed, and all that is wanted soon is among them as wanted: what a
// server counts follows what it did.
func (a *actor) measured(want scraped) {
	a.s.Helper()
	var found scraped
	differs := func(name string) bool { got, ok := found[name]; return !ok || got != want[name] }
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if found = a.scrape(); !slices.ContainsFunc(slices.Collect(maps.Keys(want)), differs) {
			return
		}
	}
	a.s.Errorf("%s: scraped %v, want %v", a.name, found, want)
}

func (a *actor) scrape() scraped {
	a.s.Helper()
	var metrics prometheus.Collector
	switch d := a.driver.(type) {
	case *Driver:
		metrics = NewMetrics(a.s.Context(), d.Access())
	case *KeeperDriver:
		metrics = NewKeeperMetrics(a.s.Context(), d)
	}
	registry := prometheus.NewPedanticRegistry()
	a.s.must(registry.Register(metrics))
	problems, err := testutil.GatherAndLint(registry)
	a.s.must(err)
	for _, p := range problems {
		a.s.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := registry.Gather()
	a.s.must(err)
	found := scraped{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := []string{strings.TrimPrefix(strings.TrimPrefix(family.GetName(), prefix), keeperPrefix)}
			for _, label := range m.GetLabel() {
				name = append(name, label.GetValue())
			}
			found[strings.Join(name, "/")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return found
}
