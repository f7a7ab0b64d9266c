// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "github.com/prometheus/client_golang/prometheus"

const prefix = "atlasdb_clickhouse_"

// Where the server has its numbers: system.events, system.metrics, system.asynchronous_metrics, and what is counted
// from other tables.
const (
	events       = "events"
	metrics      = "metrics"
	asynchronous = "asynchronous"
	ofItself     = "server"
)

// metric is what Prometheus sees of one number.
type metric struct {
	source source
	desc   *prometheus.Desc
	kind   prometheus.ValueType
}

// ofServer holds for every server that answers. What a version does not count is left out.
var ofServer = []metric{
	gauge(ofItself, "uptime", "uptime_seconds", "Time since the server started."),

	counter("Query", "queries_total", "Queries begun."),
	counter("SelectQuery", "select_queries_total", "SELECT queries begun."),
	counter("InsertQuery", "insert_queries_total", "INSERT queries begun."),
	counter("FailedQuery", "failed_queries_total", "Queries that failed."),
	counter("InsertedRows", "inserted_rows_total", "Rows inserted."),
	counter("InsertedBytes", "inserted_bytes_total", "Bytes inserted, before compression."),
	counter("DelayedInserts", "delayed_inserts_total", "Inserts held up for too many parts."),
	counter("RejectedInserts", "rejected_inserts_total", "Inserts refused for too many parts."),

	counter("Merge", "merges_total", "Merges begun."),
	counter("MergedRows", "merged_rows_total", "Rows read by merges."),
	gauge(ofItself, "merges", "merges_running", "Merges that are running."),
	gauge(metrics, "PartMutation", "mutations_running", "Mutations of parts that are running."),
	gauge(ofItself, "parts", "parts", "Active parts of all tables."),
	gauge(ofItself, "rows", "rows", "Rows of all tables."),
	gauge(ofItself, "bytes", "data_bytes", "Data of all tables on the disk."),
	gauge(asynchronous, "MaxPartCountForPartition", "max_parts_per_partition",
		"Parts of the partition that has most: inserts are held up, and then refused, when there are too many."),

	gauge(ofItself, "queue", "replication_queue", "Entries that replicated tables have still to do."),
	gauge(ofItself, "delay", "replication_delay_seconds",
		"Age of the oldest of them, of the table that is furthest behind."),
	gauge(ofItself, "readonly", "readonly_replicas", "Replicated tables that accept no writes."),
	counter("ReplicatedPartFetches", "replicated_part_fetches_total", "Parts fetched from other members."),
	counter("ReplicatedPartFailedFetches", "replicated_part_failed_fetches_total",
		"Fetches of parts that failed."),
	counter("ReplicatedDataLoss", "replicated_data_loss_total",
		"Parts that no member has any more, although the keepers know of them."),
	counter("ZooKeeperHardwareExceptions", "keeper_failed_requests_total",
		"Requests to the keepers that failed for want of a connection."),
	gauge(metrics, "ZooKeeperSession", "keeper_sessions", "Sessions with the keepers; 1 where all is well."),

	gauge(metrics, "Query", "queries_running", "Queries that are running."),
	gauge(metrics, "TCPConnection", "native_connections", "Connections by ClickHouse's own protocol."),
	gauge(metrics, "HTTPConnection", "http_connections", "Connections by HTTP."),
	gauge(metrics, "MemoryTracking", "memory_tracked_bytes", "Memory that the server counts as in use."),
	gauge(asynchronous, "MemoryResident", "memory_resident_bytes", "Memory of the process, as the kernel counts."),
	gauge(asynchronous, "MarkCacheBytes", "mark_cache_bytes", "Memory of the cache of marks."),
}

// ofTable holds for each replicated table; the 20 with most to do.
var ofTable = []*prometheus.Desc{
	table("table_replication_delay_seconds", "Age of the oldest change that a table has not got."),
	table("table_replication_queue", "Entries that a table has still to do."),
	table("table_readonly", "1 while a table accepts no writes."),
}

func table(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help+" The 20 with most to do.", []string{"database", "table"}, nil)
}

func gauge(from, as, name, help string) metric {
	return metric{source{from, as}, prometheus.NewDesc(prefix+name, help, nil, nil), prometheus.GaugeValue}
}

// counter is an event of the server.
func counter(event, name, help string) metric {
	return metric{source{events, event}, prometheus.NewDesc(prefix+name, help, nil, nil), prometheus.CounterValue}
}
