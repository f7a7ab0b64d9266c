// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseInfo reads the answer of INFO, in lines "name:value". It fails when any of what Info holds is missing: an absent
// offset must not pass for offset 0.
func ParseInfo(text string) (Info, error) {
	f := lines(text)
	i := Info{
		server: f.server(), clients: f.clients(), memory: f.memory(), persistence: f.persistence(), stats: f.stats(),
		replication: f.replication(), Databases: f.databases(text),
	}
	if err := errors.Join(f.errs...); err != nil {
		return Info{}, fmt.Errorf("reading what the server says of itself: %w", err)
	}
	return i, nil
}

func (f *fields) server() server {
	s := server{
		Software: "redis", RunID: f.text("run_id"),
		NowMicroseconds: f.integer("server_time_usec"), UptimeSeconds: f.integer("uptime_in_seconds"),
	}
	if name, ok := f.values["server_name"]; ok { // Redis does not tell
		s.Software = name
	}
	s.Version = f.text(s.Software + "_version")
	return s
}

func (f *fields) clients() clients {
	return clients{
		Connected: f.integer("connected_clients"), Blocked: f.integer("blocked_clients"), MaxClients: f.integer("maxclients"),
	}
}

func (f *fields) memory() memory {
	return memory{
		UsedBytes: f.integer("used_memory"), ResidentBytes: f.integer("used_memory_rss"), LimitBytes: f.integer("maxmemory"),
	}
}

func (f *fields) persistence() persistence {
	p := persistence{
		Loading: f.flag("loading"),
		Saving:  f.flag("rdb_bgsave_in_progress"), SaveOK: f.ok("rdb_last_bgsave_status"),
		LastSave: f.integer("rdb_last_save_time"), Changes: f.integer("rdb_changes_since_last_save"),
		Saves:   f.integer("rdb_saves"),
		Appends: f.flag("aof_enabled"), WriteOK: f.ok("aof_last_write_status"),
		Rewriting: f.flag("aof_rewrite_in_progress"), RewriteScheduled: f.flag("aof_rewrite_scheduled"),
		RewriteOK: f.ok("aof_last_bgrewrite_status"),
	}
	if p.Appends {
		p.Log = Log{
			LogBytes: f.integer("aof_current_size"), Buffered: f.integer("aof_buffer_length"),
			RewrittenBytes: f.integer("aof_base_size"),
		}
	}
	return p
}

func (f *fields) stats() stats {
	return stats{
		Commands: f.integer("total_commands_processed"), Connections: f.integer("total_connections_received"),
		RejectedConnections: f.integer("rejected_connections"),
		Hits:                f.integer("keyspace_hits"), Misses: f.integer("keyspace_misses"),
		Evicted: f.integer("evicted_keys"), Expired: f.integer("expired_keys"),
	}
}

func (f *fields) replication() replication {
	r := replication{
		Role: f.either("role", roleReplica, rolePrimary), ReplicationID: f.text("master_replid"),
		Offset:   f.integer("master_repl_offset"),
		Counts:   f.flag("repl_backlog_active"),
		FormerID: f.text("master_replid2"), FormerEnd: f.integer("second_repl_offset"),
		ConnectedReplicas: f.integer("connected_slaves"),
	}
	if r.Role == roleReplica {
		r.Upstream = Upstream{
			PrimaryHost: f.text("master_host"), PrimaryPort: f.integer("master_port"),
			LinkUp:  f.either("master_link_status", "up", "down") == "up",
			Syncing: f.flag("master_sync_in_progress"), IdleSeconds: f.integer("master_last_io_seconds_ago"),
			Received: f.integer("slave_read_repl_offset"), Applied: f.integer("slave_repl_offset"),
		}
	}
	for n := 0; ; n++ {
		value, ok := f.values["slave"+strconv.Itoa(n)]
		if !ok {
			return r
		}
		r.Replicas = append(r.Replicas, f.replica(value))
	}
}

// replica reads "ip=…,port=…,state=…,offset=…,lag=…".
func (f *fields) replica(text string) Replica {
	g := pairs(text)
	r := Replica{
		Host: g.text("ip"), Port: g.integer("port"), State: g.text("state"), Offset: g.integer("offset"),
		LagSeconds: g.integer("lag"),
	}
	f.errs = append(f.errs, g.errs...)
	return r
}

// databases reads lines "db0:keys=…,expires=…".
func (f *fields) databases(text string) (found []Database) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, ok := strings.CutPrefix(name, "db")
		if _, err := strconv.Atoi(number); !ok || err != nil {
			continue
		}
		g := pairs(value)
		found = append(found, Database{Name: number, Keys: g.integer("keys"), Expiring: g.integer("expires")})
		f.errs = append(f.errs, g.errs...)
	}
	return found
}

// fields are named values, of which one may be asked for that is not there: errs tells of all those at once.
type fields struct {
	values map[string]string
	errs   []error
}

// lines reads "name:value", one a line; lines that begin with # name a section.
func lines(text string) *fields {
	f := &fields{values: map[string]string{}}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			f.values[name] = value
		}
	}
	return f
}

// pairs reads "name=value,name=value".
func pairs(text string) *fields {
	f := &fields{values: map[string]string{}}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(pair, "=")
		f.values[name] = value
	}
	return f
}

func (f *fields) get(name string) (value string, ok bool) {
	if value, ok = f.values[name]; !ok {
		f.errs = append(f.errs, fmt.Errorf("%s is missing", name))
	}
	return value, ok
}

func (f *fields) text(name string) string {
	value, _ := f.get(name)
	return value
}

func (f *fields) integer(name string) int64 {
	value, ok := f.get(name)
	n, err := strconv.ParseInt(value, 10, 64)
	if ok && err != nil {
		f.errs = append(f.errs, fmt.Errorf("%s is no number: %q", name, value))
	}
	return n
}

// either gives a value that must be one of two.
func (f *fields) either(name, one, other string) string {
	value, ok := f.get(name)
	if ok && value != one && value != other {
		f.errs = append(f.errs, fmt.Errorf("%s is neither %s nor %s: %q", name, one, other, value))
	}
	return value
}

func (f *fields) flag(name string) bool { return f.either(name, "1", "0") == "1" }

func (f *fields) ok(name string) bool { return f.either(name, "ok", "err") == "ok" }
