// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

// Info is what a server says of itself (INFO), in its own terms where they are the field's. The lines are the same in
// Redis 7 and Valkey 8; https://redis.io/docs/latest/commands/info lists them.
type Info struct {
	server
	clients
	memory
	persistence
	stats
	replication
	// Databases are those that have keys.
	Databases []Database
}

type server struct {
	// Software is redis or valkey, Version its own version: Valkey also tells which Redis it is compatible with.
	Software, Version string
	// RunID is drawn anew at each start.
	RunID string
	// NowMicroseconds is the server's clock since 1970, UptimeSeconds for how long it runs.
	NowMicroseconds, UptimeSeconds int64
}

type clients struct {
	// Connected counts the connections of clients, Blocked those that wait in a command, MaxClients is the limit.
	Connected, Blocked, MaxClients int64
}

type memory struct {
	// UsedBytes is what the allocator gave out, ResidentBytes what the process takes of the machine's memory. LimitBytes
	// is maxmemory, 0 for none.
	UsedBytes, ResidentBytes, LimitBytes int64
}

type persistence struct {
	// Loading says that the data is being read, from the disk or from a primary: it is neither the old nor the new.
	Loading bool
	// Saving says that an RDB snapshot is being written, SaveOK that the last one succeeded. LastSave is when that was in
	// seconds since 1970, or the start when there was none; Changes counts what has changed since.
	Saving, SaveOK    bool
	LastSave, Changes int64
	// Saves counts the snapshots that were begun since the start.
	Saves int64
	// Appends says that the append-only file is on, WriteOK that the last write to it succeeded.
	Appends, WriteOK bool
	// Rewriting says that the append-only file is being rewritten, RewriteScheduled that it will be when the snapshot that
	// is in the way is done, RewriteOK that the last rewrite succeeded.
	Rewriting, RewriteScheduled, RewriteOK bool
	Log
}

// Log is the append-only file, in bytes; zero when it is off.
type Log struct {
	// LogBytes is how much of it was written, Buffered how much is still to be; RewrittenBytes is how long it was when it
	// was rewritten last.
	LogBytes, Buffered, RewrittenBytes int64
}

// stats count since the start, or since CONFIG RESETSTAT.
type stats struct {
	Commands, Connections, RejectedConnections int64
	Hits, Misses                               int64
	Evicted, Expired                           int64
}

type replication struct {
	// Role is master or slave, as Redis calls them.
	Role string
	// ReplicationID is the history that the server's data is of, Offset how far in it, in bytes. A replica's is what it
	// has applied. While it is Syncing they are those of the data that the copy will replace, and while it loads that copy
	// they still are, although that data is gone [seen]: while Loading they say nothing.
	ReplicationID string
	Offset        int64
	// Counts says that Offset grows with what is written: a primary that never had a replica since its start does not
	// count.
	Counts bool
	// FormerID is the history of which this one is the continuation. Whoever followed that one up to FormerEnd at most
	// needs no copy; -1 when there is none.
	FormerID  string
	FormerEnd int64
	// Upstream is a replica's end of the link to its primary, zero on a primary.
	Upstream
	// ConnectedReplicas is how many there are, Replicas those of which an address is known.
	ConnectedReplicas int64
	Replicas          []Replica
}

// Upstream is a replica's link to its primary.
type Upstream struct {
	PrimaryHost string
	PrimaryPort int64
	// LinkUp says that the replica receives changes, Syncing that it receives a copy of everything.
	LinkUp, Syncing bool
	// IdleSeconds is for how long nothing came over the link, -1 when it is not up.
	IdleSeconds int64
	// Received is how far the replica has received, Applied how far it has applied, in bytes. While the link is down they
	// are those of the last one, or 0, or 1: no position of data.
	Received, Applied int64
}

// Replica is a replica as its primary sees it.
type Replica struct {
	// Host and Port are what the replica announced, else whence its connection came.
	Host string
	Port int64
	// State is online when the replica receives changes; before that it waits for its copy, or is being sent it.
	State string
	// Offset is how far it said that it is, LagSeconds how long ago. Both are 0 until it is online.
	Offset, LagSeconds int64
}

// Online says that the replica receives changes, and is not still being given a copy.
func (r Replica) Online() bool { return r.State == "online" }

// Database is one of the numbered databases.
type Database struct {
	// Name is its number.
	Name string
	// Keys counts its keys, Expiring those of them that have an expiry.
	Keys, Expiring int64
}

// isReplica says whether the server was told to receive from another, whether or not it does.
func (i Info) isReplica() bool { return i.Role == roleReplica }

// The roles as the wire has them.
const (
	rolePrimary = "master"
	roleReplica = "slave"
)

// sections are those that Info is read from.
var sections = []string{"server", "clients", "memory", "persistence", "stats", "replication", "keyspace"}

// ask asks a server what it says of itself. A server that loads its data answers.
func ask(ctx context.Context, client *goredis.Client) (Info, error) {
	text, err := client.Info(ctx, sections...).Result()
	if err != nil {
		return Info{}, fmt.Errorf("asking the server for its state: %w", err)
	}
	return ParseInfo(text)
}
