// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
)

const prefix = "atlasdb_redis_"

// memberOf finds the member in the host name that it announces.
var memberOf = regexp.MustCompile(`^([a-z][-a-z0-9]*-db-[0-9]+(?:-[0-9]+)?)(?:\.|$)`)

// metric is what Prometheus sees of a T.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) int64
}

// ofServer holds for every server that answers.
var ofServer = []metric[Info]{
	gauge("is_primary", "1 on the primary, 0 on a replica.", func(i Info) int64 { return bit(!i.isReplica()) }),
	gauge("uptime_seconds", "Time since the server started.", func(i Info) int64 { return i.UptimeSeconds }),
	gauge("loading", "1 while the server reads its data and answers no client.",
		func(i Info) int64 { return bit(i.Loading) }),

	counter("commands_total", "Commands processed.", func(i Info) int64 { return i.Commands }),
	counter("keyspace_hits_total", "Look-ups of keys that were there.", func(i Info) int64 { return i.Hits }),
	counter("keyspace_misses_total", "Look-ups of keys that were not there.", func(i Info) int64 { return i.Misses }),
	counter("evicted_keys_total", "Keys evicted for want of memory.", func(i Info) int64 { return i.Evicted }),
	counter("expired_keys_total", "Keys that expired.", func(i Info) int64 { return i.Expired }),

	gauge("connections", "Connections of clients.", func(i Info) int64 { return i.Connected }),
	gauge("max_connections", "Connections that the server takes.", func(i Info) int64 { return i.MaxClients }),
	gauge("blocked_clients", "Clients that wait in a blocking command.", func(i Info) int64 { return i.Blocked }),
	counter("connections_total", "Connections taken.", func(i Info) int64 { return i.Connections }),
	counter("rejected_connections_total", "Connections refused for being too many.",
		func(i Info) int64 { return i.RejectedConnections }),

	gauge("memory_used_bytes", "Memory in use, as the allocator counts.", func(i Info) int64 { return i.UsedBytes }),
	gauge("memory_resident_bytes", "Memory of the process, as the kernel counts.",
		func(i Info) int64 { return i.ResidentBytes }),
	gauge("memory_limit_bytes", "Memory that data may use (maxmemory), 0 for no limit.",
		func(i Info) int64 { return i.LimitBytes }),

	gauge("rdb_last_save_ok", "1 when the last snapshot succeeded.", func(i Info) int64 { return bit(i.SaveOK) }),
	gauge("rdb_last_save_age_seconds", "Time since the last snapshot, or since the start when there was none.",
		func(i Info) int64 { return max(0, i.NowMicroseconds/1_000_000-i.LastSave) }),
	gauge("rdb_saving", "1 while a snapshot is being written.", func(i Info) int64 { return bit(i.Saving) }),
	gauge("rdb_unsaved_changes", "Changes since the last snapshot.", func(i Info) int64 { return i.Changes }),
	gauge("aof_enabled", "1 when the append-only file is on.", func(i Info) int64 { return bit(i.Appends) }),
	gauge("aof_last_write_ok", "1 when the last write to the append-only file succeeded.",
		func(i Info) int64 { return bit(i.WriteOK) }),
	gauge("aof_last_rewrite_ok", "1 when the last rewrite of the append-only file succeeded.",
		func(i Info) int64 { return bit(i.RewriteOK) }),
	gauge("aof_rewriting", "1 while the append-only file is being rewritten.",
		func(i Info) int64 { return bit(i.Rewriting) }),
}

// ofData holds for a server that has read its data.
var ofData = []metric[Info]{
	gauge("replication_offset_bytes", "How far in its history the data goes.", func(i Info) int64 { return i.Offset }),
}

// ofUpstream holds for a replica, ofStream for one that receives changes.
var (
	ofUpstream = []metric[Upstream]{
		gauge("link_up", "1 while a replica receives changes from its primary.",
			func(u Upstream) int64 { return bit(u.LinkUp) }),
		gauge("syncing", "1 while a replica receives a copy of everything.",
			func(u Upstream) int64 { return bit(u.Syncing) }),
	}
	ofStream = []metric[Upstream]{
		gauge("link_idle_seconds", "Time since a replica heard of its primary.",
			func(u Upstream) int64 { return u.IdleSeconds }),
		gauge("replay_lag_bytes", "Changes that a replica has received and not applied.",
			func(u Upstream) int64 { return max(0, u.Received-u.Applied) }),
	}
)

// ofReplica holds for each member that receives from the primary.
var ofReplica = []metric[lag]{
	gauge("replication_lag_bytes", "Changes that a replica has not confirmed, as the primary sees it.",
		func(l lag) int64 { return l.bytes }, "member"),
	gauge("replication_lag_seconds", "Time since a replica confirmed anything, as the primary sees it.",
		func(l lag) int64 { return l.seconds }, "member"),
}

var ofDatabase = []metric[Database]{
	gauge("keys", "Keys of a database; the 20 largest.", func(d Database) int64 { return d.Keys }, "database"),
	gauge("expiring_keys", "Keys of a database that have an expiry; the 20 largest.",
		func(d Database) int64 { return d.Expiring }, "database"),
}

func gauge[T any](name, help string, value func(T) int64, labels ...string) metric[T] {
	return metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.GaugeValue, value}
}

func counter[T any](name, help string, value func(T) int64) metric[T] {
	return metric[T]{prometheus.NewDesc(prefix+name, help, nil, nil), prometheus.CounterValue, value}
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
