// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import "github.com/prometheus/client_golang/prometheus"

// queries are what is asked at each scrape. They hold for PostgreSQL 15 and later; labels are bounded: states and roles
// by the server, members by the API, databases by a limit.
func queries() []query {
	return []query{
		of(`SELECT coalesce(state, 'none'), count(*)::float8 FROM pg_stat_activity
			WHERE backend_type = 'client backend' GROUP BY 1`, []string{"state"},
			gauge("connections", "Connections of clients by state.")),
		of(`SELECT current_setting('max_connections')::float8`, nil,
			gauge("max_connections", "Connections that the server takes.")),
		of(`SELECT sum(xact_commit)::float8, sum(xact_rollback)::float8, sum(deadlocks)::float8,
			sum(blks_hit)::float8, sum(blks_read)::float8, sum(temp_bytes)::float8 FROM pg_stat_database`, nil,
			counter("transactions_committed_total", "Transactions committed."),
			counter("transactions_rolled_back_total", "Transactions rolled back."),
			counter("deadlocks_total", "Deadlocks."),
			counter("blocks_hit_total", "Blocks found in shared buffers."),
			counter("blocks_read_total", "Blocks read from outside shared buffers."),
			counter("temporary_bytes_total", "Bytes written to temporary files.")),
		of(`SELECT datname, pg_database_size(oid)::float8 FROM pg_database WHERE datallowconn
			ORDER BY 2 DESC LIMIT 20`, []string{"database"},
			gauge("database_size_bytes", "Size of a database; the 20 largest.")),
		of(`SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END::float8,
			(SELECT timeline_id::float8 FROM pg_control_checkpoint()),
			extract(epoch FROM pg_postmaster_start_time())::float8`, nil,
			gauge("is_primary", "1 on the primary, 0 on a replica."),
			gauge("timeline", "Timeline of the last checkpoint."),
			gauge("start_time_seconds", "When the server started, in seconds since 1970.")),
		of(`SELECT (SELECT sum(size)::float8 FROM pg_ls_waldir()),
			(SELECT wal_bytes::float8 FROM pg_stat_wal)`, nil,
			gauge("wal_size_bytes", "Size of the WAL on the volume."),
			counter("wal_written_bytes_total", "WAL that was generated.")),
		of(`SELECT extract(epoch FROM clock_timestamp() - checkpoint_time)::float8 FROM pg_control_checkpoint()`, nil,
			gauge("checkpoint_age_seconds", "Time since the last checkpoint.")),
		of(`SELECT (pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn())::float8,
			CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
			     ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8
			WHERE pg_is_in_recovery()`, nil,
			gauge("replay_lag_bytes", "WAL that a replica has received and not applied."),
			gauge("replay_lag_seconds", "Age of the last transaction that a replica applied, 0 when it has applied all.")),
		of(`SELECT split_part(application_name, '/', 1), (pg_current_wal_lsn() - flush_lsn)::float8,
			extract(epoch FROM flush_lag)::float8 FROM pg_stat_replication
			WHERE application_name ~ '-db-[0-9]+/[0-9]+$' AND NOT pg_is_in_recovery()`, []string{"member"},
			gauge("replication_lag_bytes", "WAL that a replica has not yet on its disk, as the primary sees it."),
			gauge("replication_lag_seconds", "Time until a replica had WAL on its disk, as the primary sees it.")),
	}
}

func of(sql string, labels []string, describe ...func(labels []string) metric) query {
	q := query{sql: sql, labels: labels}
	for _, d := range describe {
		q.metrics = append(q.metrics, d(labels))
	}
	return q
}

func gauge(name, help string) func([]string) metric {
	return described(name, help, prometheus.GaugeValue)
}

func counter(name, help string) func([]string) metric {
	return described(name, help, prometheus.CounterValue)
}

func described(name, help string, kind prometheus.ValueType) func([]string) metric {
	return func(labels []string) metric {
		return metric{prometheus.NewDesc("atlasdb_postgresql_"+name, help, labels, nil), kind}
	}
}
