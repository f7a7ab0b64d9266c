// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "github.com/atlasdb/atlasdb/pkg/engine"

// ownedParameters are not the user's to set.
var ownedParameters = engine.Owned{
	"the members' addresses and sockets are AtlasDB's": {
		"port", "bind", "bind-source-addr", "unixsocket*", "protected-mode", "socket-mark-id",
	},
	"encryption is AtlasDB's, with its own certificates": {"tls-*"},
	"the users are AtlasDB's, and so is what they may do": {
		"user", "aclfile", "acl-pubsub-default", "requirepass", "rename-command", "enable-*", "sanitize-dump-payload",
	},
	"no code is loaded into the server": {"loadmodule", "module*"},
	"AtlasDB decides where files are": {
		"dir", "dbfilename", "appendfilename", "appenddirname", "include", "pidfile",
	},
	"AtlasDB runs the replication": {
		"replicaof", "slaveof", "replica-*", "slave-*", "masterauth", "masteruser", "primaryauth", "primaryuser",
		"repl-diskless-*", "repl-backlog-ttl", "repl-disable-tcp-nodelay", "repl-ping-*", "repl-timeout",
		"rdb-del-sync-files", "cluster-*", "propagation-error-behavior",
	},
	"spec.durability decides what an acknowledgement waits for":  {"min-replicas-*", "min-slaves-*"},
	"spec.redis.persistence decides what is written to the disk": {"appendonly", "save"},
	"another value can lose or corrupt data": {
		"rdbchecksum", "aof-load-truncated", "aof-use-rdb-preamble", "aof-disable-auto-gc", "databases",
	},
	"the process is the agent's, and its log goes to the container's output": {
		"daemonize", "supervised", "logfile", "syslog-*", "always-show-logo", "shutdown-*", "oom-score-adj*",
		"*_cpulist", "set-proc-title", "proc-title-template", "disable-thp", "crash-*",
	},
}
