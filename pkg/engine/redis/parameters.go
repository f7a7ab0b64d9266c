// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"maps"
	"strconv"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// setting is a line of the configuration.
type setting struct {
	name, value string
	// restart says that a running server does not take another value.
	restart bool
}

// fixedSettings are the same for every cluster. What equals the server's default is here where AtlasDB relies on it.
// All of them, like all directives, are known to Redis from 7.0 on and to Valkey.
var fixedSettings = []setting{
	// Who may come in, and how: with TLS, from everywhere, by a user with a password (acl.go). The socket is the agent's
	// way; it is in the member's own file, as is the folder that the server works in.
	{name: "bind", value: "* -::*"},
	{name: "port", value: "0"},
	{name: "tls-port", value: strconv.Itoa(ClientPort)},
	{name: "tls-cert-file", value: resource.TLSMountPath + "/" + resource.ServerCertKey},
	{name: "tls-key-file", value: resource.TLSMountPath + "/" + resource.ServerKeyKey},
	{name: "tls-ca-cert-file", value: resource.TLSMountPath + "/" + resource.CACertKey},
	{name: "tls-auth-clients", value: "no"}, // a client proves itself by its password
	{name: "tls-protocols", value: "TLSv1.2 TLSv1.3"},
	{name: "protected-mode", value: "no"}, // it would ask for a password of the user default, who is off
	// A connection whose other end is gone is noticed within two minutes instead of eight.
	{name: "tcp-keepalive", value: "60"},

	// What a client could do to the server's process or files is off, whatever its rules say.
	{name: "enable-debug-command", value: "no", restart: true},
	{name: "enable-module-command", value: "no", restart: true},
	{name: "enable-protected-configs", value: "no", restart: true},

	// Replication. What a replica receives goes to its disk before it replaces what the replica has: one whose primary
	// dies in the middle still has its own data.
	{name: "tls-replication", value: "yes"},
	{name: "replica-read-only", value: "yes"},
	{name: "repl-diskless-sync", value: "yes"},
	{name: "repl-diskless-sync-delay", value: "0"}, // the members come one after the other, there is nobody to wait for
	{name: "repl-diskless-load", value: "disabled"},
	// A primary without replicas forgets its history when the backlog ends, and all replicas would need a copy.
	{name: "repl-backlog-ttl", value: "0"},
	// Replicas keep what their primary has, whatever their own memory is.
	{name: "replica-ignore-maxmemory", value: "yes"},

	// The disk. Every second is what an acknowledgement is worth on one member; a log whose end was cut off by a crash is
	// good up to there.
	{name: "dbfilename", value: SnapshotFile, restart: true},
	{name: "appendfilename", value: AppendFile, restart: true},
	{name: "appenddirname", value: AppendDirectory, restart: true},
	{name: "appendfsync", value: "everysec"},
	{name: "aof-use-rdb-preamble", value: "yes"},
	{name: "aof-load-truncated", value: "yes"},
	{name: "rdbchecksum", value: "yes", restart: true},

	// The process is the agent's child, and its log the container's.
	{name: "daemonize", value: "no", restart: true},
	{name: "supervised", value: "no", restart: true},
	{name: "logfile", value: "", restart: true},
	{name: "syslog-enabled", value: "no", restart: true},
	{name: "always-show-logo", value: "no", restart: true},
	// A member with fewer databases than its data was written with does not start.
	{name: "databases", value: "16", restart: true},
}

// persistence is what the server writes to its disk, by spec.redis.persistence. With a log there are no snapshots
// beside: the log begins with one, and is rewritten when it has doubled. A running server takes each of them over.
var persistence = map[v1alpha1.RedisPersistence]map[string]string{
	v1alpha1.RedisPersistenceAOF:  {"appendonly": "yes", "save": ""},
	v1alpha1.RedisPersistenceRDB:  {"appendonly": "no", "save": "3600 1 300 100 60 10000"},
	v1alpha1.RedisPersistenceNone: {"appendonly": "no", "save": ""},
}

// NodeTimeout is cluster-node-timeout.
const NodeTimeout = 5 * time.Second

// clusterSettings are those of a Redis Cluster.
var clusterSettings = map[string]string{
	"cluster-enabled": "yes",
	// A primary that sees no majority of primaries for so long takes no more writes, and one that is not seen for so long
	// is voted out: it bounds what is lost and how long nobody writes. Less, and a slow disk or a pause of the machine
	// would be an election.
	"cluster-node-timeout": strconv.FormatInt(NodeTimeout.Milliseconds(), 10),
	// Clients are told host names: those are in the certificates, and outlive addresses.
	"cluster-preferred-endpoint-type": "hostname",
	// The bus asks both sides for a certificate of the cluster's own authority, so that a server of another cluster that
	// got an address of this one stays a stranger.
	"tls-cluster":          "yes",
	"tls-client-cert-file": resource.TLSMountPath + "/" + resource.ClientCertKey,
	"tls-client-key-file":  resource.TLSMountPath + "/" + resource.ClientKeyKey,
	// Which shard a replica is of is the plan's to say.
	"cluster-allow-replica-migration": "no",
}

// computedNames are the settings that depend on the spec; a running server takes each of them over.
var computedNames = []string{
	"appendonly", "save", "maxmemory", "maxmemory-policy", "repl-backlog-size", outputLimits,
}

// outputLimits is the setting that says how much may wait for a client to read it, by class of client.
const outputLimits = "client-output-buffer-limit"

// defaultLimits are the server's own for other classes than replicas. They are said so that a limit which a user takes
// back is set again on a running server: it keeps what it is not told.
const defaultLimits = "normal 0 0 0 pubsub 33554432 8388608 60"

// parametersOf gives all settings that the members share by name: the fixed, the computed, and over them the user's.
func parametersOf(spec *v1alpha1.DatabaseClusterSpec) map[string]string {
	all := make(map[string]string, len(fixedSettings)+len(spec.Parameters)+len(computedNames))
	for _, s := range fixedSettings {
		all[s.name] = s.value
	}
	if spec.Shards != nil {
		maps.Copy(all, clusterSettings)
	}
	maps.Copy(all, persistence[persistenceOf(spec)])
	computed := computedParameters(capacityOf(spec))
	maps.Copy(all, computed)
	users := engine.UsersParameters(spec)
	maps.Copy(all, users)
	if own, ok := users[outputLimits]; ok { // of two limits for a class, the second counts
		all[outputLimits] = computed[outputLimits] + " " + own
	}
	return all
}

// computedParameters are those that depend on what a member has.
func computedParameters(c capacity) map[string]string {
	hard, soft := bytesOf(c.replicaBuffer()), bytesOf(c.replicaBuffer()/2)
	return map[string]string{
		"maxmemory": bytesOf(c.data()),
		// An application that takes the database for a cache says so; for any other, a lost key is lost data.
		"maxmemory-policy":  "noeviction",
		"repl-backlog-size": bytesOf(c.backlog()),
		outputLimits:        defaultLimits + " replica " + hard + " " + soft + " 60",
	}
}

// persistenceOf is what a spec says, or the default of the API.
func persistenceOf(spec *v1alpha1.DatabaseClusterSpec) v1alpha1.RedisPersistence {
	if spec.Redis == nil || spec.Redis.Persistence == "" {
		return v1alpha1.RedisPersistenceAOF
	}
	return spec.Redis.Persistence
}
