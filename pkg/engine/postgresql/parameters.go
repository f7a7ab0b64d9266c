// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"maps"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Numbers that a standby may not have lower than its primary. They are constants so that a resize, which reaches one
// member after the other, never stops a replica. A user's own value is the user's to change with care.
const (
	// defaultConnections is PostgreSQL's own default; an idle one costs memory, so more are the user's choice.
	defaultConnections = 100
	// maxWorkerProcesses serves parallel queries, extensions and logical replication.
	maxWorkerProcesses = 32
	// maxSenders is for the replicas (at most six), their copying, and the user's own logical replication.
	maxSenders = 16
	// reservedConnections are for the agent, so that it gets in when users have taken all others.
	reservedConnections = 5
)

// setting is a line of the configuration.
type setting struct {
	name, value string
	// since is the first major version that knows the parameter; 0 when every supported one does.
	since int
}

// fixedSettings are the same for every cluster. What equals the server's default is here where AtlasDB relies on it.
var fixedSettings = []setting{
	// Who may come in, and how. The socket is the agent's way, the network everybody else's.
	{name: "listen_addresses", value: "*"},
	{name: "port", value: strconv.Itoa(clientPort)},
	{name: "unix_socket_directories", value: SocketDirectory},
	{name: "unix_socket_permissions", value: "0700"},
	{name: "ssl", value: "on"},
	{name: "ssl_cert_file", value: resource.TLSMountPath + "/" + resource.ServerCertKey},
	{name: "ssl_key_file", value: resource.TLSMountPath + "/" + resource.ServerKeyKey},
	{name: "ssl_ca_file", value: resource.TLSMountPath + "/" + resource.CACertKey},
	{name: "ssl_min_protocol_version", value: "TLSv1.2"},
	{name: "password_encryption", value: "scram-sha-256"},
	{name: "superuser_reserved_connections", value: strconv.Itoa(reservedConnections)},
	{name: "allow_alter_system", value: "off", since: 17}, // the spec is the one place for settings

	// Connections whose other end is gone are noticed in a minute and a half instead of two hours, a query that nobody
	// waits for in ten seconds, and a forgotten transaction does not keep VACUUM from its work for ever.
	{name: "tcp_keepalives_idle", value: "60s"},
	{name: "tcp_keepalives_interval", value: "10s"},
	{name: "tcp_keepalives_count", value: "3"},
	{name: "client_connection_check_interval", value: "10s"},
	{name: "idle_in_transaction_session_timeout", value: "1h"},

	// An acknowledged write is on disk and stays whole. wal_log_hints lets pg_rewind work on data without checksums too.
	{name: "fsync", value: "on"},
	{name: "full_page_writes", value: "on"},
	{name: "synchronous_commit", value: "on"},
	{name: "wal_log_hints", value: "on"},
	// A crash ends the server, and the agent starts it again: only so the agent knows how often it happens.
	{name: "restart_after_crash", value: "off"},

	// Replication. logical instead of replica lets users capture changes without a restart, and costs next to nothing.
	{name: "wal_level", value: "logical"},
	{name: "hot_standby", value: "on"},
	{name: "max_wal_senders", value: strconv.Itoa(maxSenders)},
	{name: "max_replication_slots", value: strconv.Itoa(maxSenders)},
	{name: "max_worker_processes", value: strconv.Itoa(maxWorkerProcesses)},
	{name: "max_connections", value: strconv.Itoa(defaultConnections)},
	// A replica tells its position every second and is back a second after its primary: how far behind it is, and how
	// long a new primary waits for it, is measured in these. A link is given up after half a minute of silence; less
	// would cut off a replica whose disk is busy.
	{name: "wal_receiver_status_interval", value: "1s"},
	{name: "wal_retrieve_retry_interval", value: "1s"},
	{name: "wal_receiver_timeout", value: "30s"},
	{name: "wal_sender_timeout", value: "30s"},

	// Volumes are solid-state disks today: a random read costs hardly more than a sequential one.
	{name: "random_page_cost", value: "1.1"},
	{name: "effective_io_concurrency", value: "200"},
	// On a node that has huge pages, a pod without a share of them is killed with SIGBUS when it touches one.
	{name: "huge_pages", value: "off"},
	// A wrong estimate makes the server compile for longer than the query takes, with 100 MB for every connection.
	{name: "jit", value: "off"},

	// The log goes to the agent, which writes one line a record; it tells records apart by this prefix. The text of a
	// statement is left out even when it fails: CREATE ROLE has a password in it.
	{name: "log_destination", value: "stderr"},
	{name: "logging_collector", value: "off"},
	{name: "log_line_prefix", value: "%m [%p] %q%u@%d "},
	{name: "log_statement", value: "none"},
	{name: "log_min_error_statement", value: "panic"},
	{name: "log_lock_waits", value: "on"},
	{name: "log_timezone", value: "UTC"},
	{name: "timezone", value: "UTC"},
}

// parametersOf gives all settings of a member by name: the fixed, the computed, and over them the user's.
func parametersOf(spec *v1alpha1.DatabaseClusterSpec, build string) map[string]string {
	all := make(map[string]string, len(fixedSettings)+len(spec.Parameters)+16)
	major := majorOf(build)
	for _, s := range fixedSettings {
		if s.since <= major {
			all[s.name] = s.value
		}
	}
	users := engine.UsersParameters(spec)
	maps.Copy(all, computedParameters(capacityOf(spec), users))
	maps.Copy(all, users)
	return all
}

// computedParameters are those that depend on what a member has. work_mem also depends on what the user chose.
func computedParameters(c capacity, users map[string]string) map[string]string {
	buffers, connections := memoryUse(c, users)
	integer := func(n int64) string { return strconv.FormatInt(n, 10) }
	return map[string]string{
		"shared_buffers":                   megabytes(c.sharedBuffers()),
		"effective_cache_size":             megabytes(c.effectiveCacheSize()),
		"work_mem":                         megabytes(c.workMem(buffers, connections)),
		"maintenance_work_mem":             megabytes(c.maintenanceWorkMem()),
		"max_wal_size":                     megabytes(c.maxWALSize()),
		"min_wal_size":                     megabytes(c.minWALSize()),
		"wal_keep_size":                    megabytes(c.walKeepSize()),
		"max_slot_wal_keep_size":           megabytes(c.maxSlotWALKeepSize()),
		"max_parallel_workers":             integer(c.parallelWorkers()),
		"max_parallel_workers_per_gather":  integer(c.parallelWorkersPerQuery()),
		"max_parallel_maintenance_workers": integer(c.parallelWorkersPerQuery()),
	}
}

// memoryUse gives shared_buffers in bytes and max_connections, as the user has them or else as AtlasDB does.
func memoryUse(c capacity, users map[string]string) (buffers, connections int64) {
	buffers, connections = c.sharedBuffers(), defaultConnections
	if v, ok := users["shared_buffers"]; ok {
		if n, err := parseValue(v, checkedParameters["shared_buffers"]); err == nil {
			buffers = n
		}
	}
	if v, ok := users["max_connections"]; ok {
		if n, err := parseValue(v, checkedParameters["max_connections"]); err == nil {
			connections = n
		}
	}
	return buffers, connections
}

// majorOf gives the major version of a build such as "17.6"; 0 for what is none.
func majorOf(build string) int {
	major, _, _ := strings.Cut(build, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}
