// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"
	"strings"
)

// ownedParameters are not the user's to set, with the reason that the user reads. A trailing star stands for any rest.
var ownedParameters = []struct {
	why   string
	names []string
}{
	{"the members' addresses and sockets are AtlasDB's", []string{
		"port", "bind", "bind-source-addr", "unixsocket*", "protected-mode", "socket-mark-id",
	}},
	{"encryption is AtlasDB's, with its own certificates", []string{"tls-*"}},
	{"the users are AtlasDB's, and so is what they may do", []string{
		"user", "aclfile", "acl-pubsub-default", "requirepass", "rename-command", "enable-*", "sanitize-dump-payload",
	}},
	{"no code is loaded into the server", []string{"loadmodule", "module*"}},
	{"AtlasDB decides where files are", []string{
		"dir", "dbfilename", "appendfilename", "appenddirname", "include", "pidfile",
	}},
	{"AtlasDB runs the replication", []string{
		"replicaof", "slaveof", "replica-*", "slave-*", "masterauth", "masteruser", "primaryauth", "primaryuser",
		"repl-diskless-*", "repl-backlog-ttl", "repl-disable-tcp-nodelay", "repl-ping-*", "repl-timeout",
		"rdb-del-sync-files", "cluster-*", "propagation-error-behavior",
	}},
	{"spec.durability decides what an acknowledgement waits for", []string{"min-replicas-*", "min-slaves-*"}},
	{"spec.redis.persistence decides what is written to the disk", []string{"appendonly", "save"}},
	{"another value can lose or corrupt data", []string{
		"rdbchecksum", "aof-load-truncated", "aof-use-rdb-preamble", "aof-disable-auto-gc", "databases",
	}},
	{"the process is the agent's, and its log goes to the container's output", []string{
		"daemonize", "supervised", "logfile", "syslog-*", "always-show-logo", "shutdown-*", "oom-score-adj*",
		"*_cpulist", "set-proc-title", "proc-title-template", "disable-thp", "crash-*",
	}},
}

// ownerReason says why a parameter, in lower case, is not the user's to set; owned is false when it is.
func ownerReason(name string) (why string, owned bool) {
	for _, group := range ownedParameters {
		if slices.ContainsFunc(group.names, func(pattern string) bool { return matches(pattern, name) }) {
			return group.why, true
		}
	}
	return "", false
}

// matches says whether a name is as a pattern, whose star at one end stands for anything.
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, suffix)
	}
	return name == pattern
}
