// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"k8s.io/klog/v2"
)

// Metrics asks the server at each scrape, over a connection of its own: the loop is never held up by a scrape, and a
// number is as old as the scrape and not older.
type Metrics struct {
	ctx    context.Context //nolint:containedctx // Collect is handed none; this one ends with the agent
	client *goredis.Client
	up     *prometheus.Desc
}

// Access is how to log in at a server: by its unix socket, whose file nobody but the agent's user may open.
type Access struct {
	Socket, Username, Password string
}

const (
	// scrapeTimeout bounds one scrape; Prometheus itself gives up after 10 s.
	scrapeTimeout = 5 * time.Second
	// maxDatabases bounds the series: a server may be given thousands of databases.
	maxDatabases = 20
)

// NewMetrics returns the metrics of the server that is reached so, to be collected while ctx lasts.
func NewMetrics(ctx context.Context, access Access) *Metrics {
	return &Metrics{
		ctx: ctx, client: connect(access, "atlasdb-metrics"),
		up: prometheus.NewDesc(prefix+"up", "1 when the server answers.", nil, nil),
	}
}

// connect makes a client that has one connection, and waits for an answer as long as the context of a call lasts. It
// does not try again: that a server is down is what its caller is to find out.
func connect(access Access, name string) *goredis.Client {
	goredis.SetLogger(silence{})
	return goredis.NewClient(&goredis.Options{
		Network: "unix", Addr: access.Socket, Username: access.Username, Password: access.Password,
		ClientName: name, PoolSize: 1, MaxRetries: -1, DialerRetries: 1,
		ContextTimeoutEnabled: true, ReadTimeout: -1, WriteTimeout: -1,
		// What is asked for by default is unknown to these servers, which would count each refusal as an error of a client.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// silence is the log of the client library: it would tell of every attempt to reach a server that is down.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Describe names every metric.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	describe(out, ofServer)
	describe(out, ofData)
	describe(out, ofUpstream)
	describe(out, ofStream)
	describe(out, ofReplica)
	describe(out, ofDatabase)
}

// Collect asks the server. When it does not answer, all but its being down is left out: an old number would be a lie.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	seen, err := ask(ctx, m.client)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Query for metrics failed", "err", err)
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 1)
	send(out, ofServer, seen)
	if !seen.Loading {
		send(out, ofData, seen)
	}
	if seen.isReplica() {
		send(out, ofUpstream, seen.Upstream)
	}
	if seen.LinkUp {
		send(out, ofStream, seen.Upstream)
	}
	for member, l := range lags(seen) {
		send(out, ofReplica, l, member)
	}
	for _, d := range largest(seen.Databases) {
		send(out, ofDatabase, d, d.Name)
	}
}

// lag is how far a replica is behind, as its primary sees it.
type lag struct {
	bytes, seconds int64
}

// lags are those of the members that receive changes. A server's word for who they are is the name that they announce;
// whoever announces none that a member has is left out, which keeps the series bounded. A replica that came back leaves
// its dead connection behind until that times out, so the newest of a member counts: two would fail the whole scrape.
func lags(i Info) map[string]lag {
	found := map[string]lag{}
	for _, r := range i.Replicas {
		if member := memberOf.FindStringSubmatch(r.Host); member != nil && r.Online() {
			found[member[1]] = lag{bytes: max(0, i.Offset-r.Offset), seconds: r.LagSeconds}
		}
	}
	return found
}

func largest(all []Database) []Database {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b Database) int { return cmp.Compare(b.Keys, a.Keys) })
	return sorted[:min(len(sorted), maxDatabases)]
}

func describe[T any](out chan<- *prometheus.Desc, metrics []metric[T]) {
	for _, m := range metrics {
		out <- m.desc
	}
}

func send[T any](out chan<- prometheus.Metric, metrics []metric[T], of T, labels ...string) {
	for _, m := range metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.value(of)), labels...)
	}
}
