// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// Metrics asks the server at each scrape, over connections of its own: the loop is never held up by a scrape, and a
// number is as old as the scrape and not older.
type Metrics struct {
	ctx    context.Context //nolint:containedctx // Collect is handed none; this one ends with the agent
	access Access
	up     *prometheus.Desc
}

// scrapeTimeout bounds one scrape; Prometheus itself gives up after 10 s.
const scrapeTimeout = 5 * time.Second

// NewMetrics returns the metrics of the server that is reached so, to be collected while ctx lasts.
func NewMetrics(ctx context.Context, access Access) *Metrics {
	return &Metrics{
		ctx: ctx, access: access, up: prometheus.NewDesc(prefix+"up", "1 when the server answers.", nil, nil),
	}
}

// sample is what a scrape sees.
type sample struct {
	status serverStatus
	view   view
	// compatibility is the feature compatibility version, "" where the server does not tell. window is the time between
	// the ends of the oplog, if that could be read.
	compatibility string
	window        time.Duration
	oplog         bool
}

// Describe names every metric.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	describe(out, ofServer)
	describe(out, ofOperations)
	describe(out, ofMember)
	describe(out, ofLag)
	describe(out, ofSource)
	describe(out, ofOplog)
	describe(out, ofCompatibility)
}

// Collect asks the server. When it does not answer, all but its being down is left out: an old number would be a lie.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	seen, err := m.look(ctx)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Query for metrics failed", "err", err)
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, 1)
	send(out, ofServer, seen)
	for operation, n := range seen.status.Operations {
		send(out, ofOperations, n, operation)
	}
	if !seen.view.config.InSet() {
		return
	}
	send(out, ofMember, seen)
	for member, lag := range seen.view.lags() {
		send(out, ofLag, lag, member)
	}
	if source := memberOf.FindStringSubmatch(seen.view.source); source != nil {
		send(out, ofSource, seen, source[1])
	}
	if seen.oplog {
		send(out, ofOplog, seen)
	}
	if seen.compatibility != "" {
		send(out, ofCompatibility, seen, seen.compatibility)
	}
}

// look asks the server for all that a scrape shows.
func (m *Metrics) look(ctx context.Context) (s sample, err error) {
	client, err := m.access.toSelf(nil)
	if err != nil {
		return s, err
	}
	defer disconnect(ctx, client)
	s.status, err = ask[serverStatus](ctx, client, mongodb.AuthDatabase, bson.D{{Key: "serverStatus", Value: 1}})
	if err != nil {
		return s, err
	}
	if s.view, err = lookAt(ctx, client); err != nil || !s.view.config.InSet() {
		return s, err
	}
	if found, err := askCompatibility(ctx, client); err == nil {
		s.compatibility = found.Version.Current
	}
	s.window, err = oplogWindow(ctx, client)
	if s.oplog = err == nil; !s.oplog {
		klog.FromContext(ctx).V(2).Info("The oplog cannot be looked at", "err", err) // a first copy is still to come
	}
	return s, nil
}

// oplogWindow is the time between the first and the last entry of the oplog: a member that was away for longer needs a
// new copy (https://www.mongodb.com/docs/manual/core/replica-set-oplog/).
func oplogWindow(ctx context.Context, at *mongo.Client) (time.Duration, error) {
	var ends [2]uint32
	for i, order := range []int{1, -1} {
		var entry struct {
			Timestamp bson.Timestamp `bson:"ts"`
		}
		err := at.Database(mongodb.MemberDatabase).Collection("oplog.rs").FindOne(ctx, bson.D{},
			options.FindOne().SetSort(bson.D{{Key: "$natural", Value: order}})).Decode(&entry)
		if err != nil {
			return 0, fmt.Errorf("reading the oplog: %w", err)
		}
		ends[i] = entry.Timestamp.T
	}
	return time.Duration(ends[1]-ends[0]) * time.Second, nil
}

// lags are how far the members are behind the primary in seconds of writes, as the server sees them.
func (v view) lags() map[string]int64 {
	found := map[string]int64{}
	at, known := mongodb.ReplicaSet{Seen: v.seen}.Primary()
	for _, m := range v.seen {
		member := memberOf.FindStringSubmatch(m.Host)
		if !known || member == nil || (m.State != mongodb.StateSecondary && m.State != mongodb.StateRecovering) {
			continue
		}
		found[member[1]] = max(0, int64(at.Optime.Seconds)-int64(m.Optime.Seconds))
	}
	return found
}

func describe[T any](out chan<- *prometheus.Desc, metrics []metric[T]) {
	for _, m := range metrics {
		out <- m.desc
	}
}

func send[T any](out chan<- prometheus.Metric, metrics []metric[T], of T, labels ...string) {
	for _, m := range metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(of), labels...)
	}
}
