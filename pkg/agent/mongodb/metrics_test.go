// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// scraped are the values of all metrics, by name and value of the label, as in operations_total/insert.
type scraped map[string]float64

func (a *actor) scrape() scraped {
	a.s.Helper()
	registry := prometheus.NewPedanticRegistry()
	a.s.must(registry.Register(NewMetrics(a.s.Context(), a.Access())))
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
			name := []string{strings.TrimPrefix(family.GetName(), prefix)}
			for _, label := range m.GetLabel() {
				name = append(name, label.GetValue())
			}
			found[strings.Join(name, "/")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return found
}

// TestMetricsSimulated: what a primary, a secondary and a server that is down show.
func TestMetricsSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.await("a set of two", s.complete)
	s.fill(0, 3)
	primary, other := s.primary(), s.another()
	found := primary.scrape()
	for name, want := range map[string]float64{
		"up": 1, "is_primary": 1, "member_state": 1, "voters": 2, "members_healthy": 2, "feature_compatibility_info/7.0": 1,
	} {
		if got, ok := found[name]; !ok || got != want {
			t.Errorf("%s is %v (found: %t), want %v", name, got, ok, want)
		}
	}
	if window, ok := found["oplog_window_seconds"]; !ok || window < 0 {
		t.Errorf("the oplog spans %v s (found: %t)", window, ok)
	}
	for _, name := range []string{"operations_total/insert", "connections", "cache_limit_bytes", "election_term"} {
		if found[name] <= 0 {
			t.Errorf("%s is %v", name, found[name])
		}
	}
	if got := other.scrape(); got["is_primary"] != 0 || got["member_state"] != 2 {
		t.Errorf("a secondary shows %v", got)
	}
	other.kill()
	if d := cmp.Diff(scraped{"up": 0}, other.scrape()); d != "" {
		t.Errorf("a server that is down, -want +got:\n%s", d)
	}
}

// TestLags: of those who follow, by the member's name, and nothing of whoever has none that a member has.
func TestLags(t *testing.T) {
	t.Parallel()
	seen := func(host string, state mongodb.State, seconds uint32) mongodb.Seen {
		return mongodb.Seen{Host: host, State: state, Healthy: true, Optime: mongodb.Optime{Seconds: seconds}}
	}
	v := view{seen: []mongodb.Seen{
		seen("orders-db-0.orders-db.shop.svc:27017", mongodb.StatePrimary, 100),
		seen("orders-db-1.orders-db.shop.svc:27017", mongodb.StateSecondary, 97),
		seen("orders-db-2.orders-db.shop.svc:27017", mongodb.StateRecovering, 10),
		seen("orders-db-3.orders-db.shop.svc:27017", mongodb.StateDown, 0),
		seen("somebody.example.net:27017", mongodb.StateSecondary, 100),
	}}
	if d := cmp.Diff(map[string]int64{"orders-db-1": 3, "orders-db-2": 90}, v.lags()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := (view{seen: v.seen[1:]}).lags(); len(got) != 0 {
		t.Errorf("without a primary %v", got)
	}
}
