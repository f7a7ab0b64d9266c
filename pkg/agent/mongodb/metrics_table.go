// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

const prefix = "atlasdb_mongodb_"

// memberOf finds the member in the host that a set's configuration has for it. Who has a name of another form is left
// out, which keeps the series bounded.
var memberOf = regexp.MustCompile(`^([a-z][-a-z0-9]*-db-[0-9]+)(?:[.:]|$)`)

// serverStatus is what a server counts (https://www.mongodb.com/docs/manual/reference/command/serverStatus/).
type serverStatus struct {
	UptimeSeconds float64 `bson:"uptime"`
	Connections   struct {
		Current   int64 `bson:"current"`
		Available int64 `bson:"available"`
		Total     int64 `bson:"totalCreated"`
	} `bson:"connections"`
	// Operations counts those of clients, by kind: insert, query, update, delete, getmore, command.
	Operations map[string]int64 `bson:"opcounters"`
	Memory     struct {
		ResidentMegabytes int64 `bson:"resident"`
	} `bson:"mem"`
	WiredTiger struct {
		Cache struct {
			Bytes int64 `bson:"bytes currently in the cache"`
			Dirty int64 `bson:"tracked dirty bytes in the cache"`
			Limit int64 `bson:"maximum bytes configured"`
		} `bson:"cache"`
	} `bson:"wiredTiger"`
	Elections struct {
		Timeout electionCount `bson:"electionTimeout"`
		StepUp  electionCount `bson:"stepUpCmd"`
	} `bson:"electionMetrics"`
}

// electionCount is how often a server stood for election for a reason.
type electionCount struct {
	Called     int64 `bson:"called"`
	Successful int64 `bson:"successful"`
}

// metric is what Prometheus sees of a T.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) float64
}

// ofServer holds for every server that answers.
var ofServer = []metric[sample]{
	gauge("is_primary", "1 on the primary, 0 elsewhere.", func(s sample) float64 { return bit(s.view.leads) }),
	gauge("uptime_seconds", "Time since the server started.", func(s sample) float64 { return s.status.UptimeSeconds }),
	gauge("connections", "Connections of clients and of members.",
		func(s sample) float64 { return float64(s.status.Connections.Current) }),
	gauge("max_connections", "Connections that the server takes.",
		func(s sample) float64 { return float64(s.status.Connections.Current + s.status.Connections.Available) }),
	counter("connections_total", "Connections taken.",
		func(s sample) float64 { return float64(s.status.Connections.Total) }),
	gauge("memory_resident_bytes", "Memory of the process.",
		func(s sample) float64 { return float64(s.status.Memory.ResidentMegabytes << 20) }),
	gauge("cache_bytes", "What WiredTiger's cache holds.",
		func(s sample) float64 { return float64(s.status.WiredTiger.Cache.Bytes) }),
	gauge("cache_dirty_bytes", "What WiredTiger's cache holds that is not in the files yet.",
		func(s sample) float64 { return float64(s.status.WiredTiger.Cache.Dirty) }),
	gauge("cache_limit_bytes", "What WiredTiger's cache may hold.",
		func(s sample) float64 { return float64(s.status.WiredTiger.Cache.Limit) }),
	counter("elections_timeout_total", "Elections that this member called because it heard of no primary.",
		func(s sample) float64 { return float64(s.status.Elections.Timeout.Called) }),
	counter("elections_handover_total", "Elections that this member called because it was asked to.",
		func(s sample) float64 { return float64(s.status.Elections.StepUp.Called) }),
	counter("elections_won_total", "Elections of these that this member won.", func(s sample) float64 {
		return float64(s.status.Elections.Timeout.Successful + s.status.Elections.StepUp.Successful)
	}),
}

var ofOperations = []metric[int64]{
	counter("operations_total", "Operations of clients, by kind.",
		func(n int64) float64 { return float64(n) }, "operation"),
}

// ofMember holds for a server that is in a set.
var ofMember = []metric[sample]{
	gauge("member_state", "The member's state: 1 PRIMARY, 2 SECONDARY, 3 RECOVERING, 5 STARTUP2, 9 ROLLBACK, 10 REMOVED.",
		func(s sample) float64 { return float64(s.view.state) }),
	gauge("election_term", "The last term of an election that the member knows of.",
		func(s sample) float64 { return float64(s.view.term) }),
	gauge("config_version", "The version of the set's configuration.",
		func(s sample) float64 { return float64(s.view.config.Version) }),
	gauge("voters", "Members that vote.", func(s sample) float64 { return float64(len(s.view.config.Voters())) }),
	gauge("members_healthy", "Members that this one hears from, itself among them.",
		func(s sample) float64 { return float64(healthy(s.view.seen)) }),
}

// ofLag holds for each member that follows the primary.
var ofLag = []metric[int64]{
	gauge("replication_lag_seconds", "Seconds of writes that a member lacks, as this one sees it.",
		func(seconds int64) float64 { return float64(seconds) }, "member"),
}

// ofSource holds for a member that copies from another, ofOplog for one that has an oplog.
var (
	ofSource = []metric[sample]{
		gauge("sync_source_info", "1; the label is the member that this one copies from.",
			func(sample) float64 { return 1 }, "source"),
	}
	ofOplog = []metric[sample]{
		gauge("oplog_window_seconds", "Time between the ends of the oplog: who is away for longer needs a new copy.",
			func(s sample) float64 { return s.window.Seconds() }),
	}
	ofCompatibility = []metric[sample]{
		gauge("feature_compatibility_info", "1; the label is the version whose features the set may use.",
			func(sample) float64 { return 1 }, "version"),
	}
)

func healthy(seen []mongodb.Seen) (n int) {
	for _, m := range seen {
		if m.Healthy {
			n++
		}
	}
	return n
}

func gauge[T any](name, help string, value func(T) float64, labels ...string) metric[T] {
	return metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.GaugeValue, value}
}

func counter[T any](name, help string, value func(T) float64, labels ...string) metric[T] {
	return metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.CounterValue, value}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
