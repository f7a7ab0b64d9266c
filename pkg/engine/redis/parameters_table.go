// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "math"

// What several directives have in common. A value is judged before a member meets it at its next start and stays down.
var (
	yesNo = choice("yes", "no")
	count = integer(0, math.MaxInt32)
)

// parameter is a directive that is the user's to set.
type parameter struct {
	// check says what is wrong with a value; nil when nothing is.
	check func(value string) error
	// restart says that a running server does not take another value.
	restart bool
}

// directives are all that a user may set. A name that is not here could keep a member from starting.
var directives = map[string]parameter{
	// Memory, and what becomes of keys when it is full.
	"maxmemory": {check: memory(mib, 64*tib)}, // validate.go holds it against what the member has
	"maxmemory-policy": {check: choice("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
		"volatile-lfu", "volatile-random", "volatile-ttl")},
	"maxmemory-samples":           {check: integer(1, 64)},
	"maxmemory-clients":           {check: memoryOrShare},
	"maxmemory-eviction-tenacity": {check: integer(0, 100)},
	"active-expire-effort":        {check: integer(1, 10)},
	"lfu-decay-time":              {check: count},
	"lfu-log-factor":              {check: count},
	"lazyfree-lazy-eviction":      {check: yesNo},
	"lazyfree-lazy-expire":        {check: yesNo},
	"lazyfree-lazy-server-del":    {check: yesNo},
	"lazyfree-lazy-user-del":      {check: yesNo},
	"lazyfree-lazy-user-flush":    {check: yesNo},
	"activerehashing":             {check: yesNo},
	"tracking-table-max-keys":     {check: count},

	// From which size on a value is kept in the form that is large and fast.
	"hash-max-listpack-entries": {check: count},
	"hash-max-listpack-value":   {check: count},
	"hll-sparse-max-bytes":      {check: integer(0, 16000)},
	"list-compress-depth":       {check: count},
	"list-max-listpack-size":    {check: integer(-5, 65536)},
	"set-max-intset-entries":    {check: count},
	"stream-node-max-bytes":     {check: memory(0, gib)},
	"stream-node-max-entries":   {check: count},
	"zset-max-listpack-entries": {check: count},
	"zset-max-listpack-value":   {check: count},

	// Clients.
	"client-query-buffer-limit": {check: memory(mib, tib)},
	"io-threads":                {check: integer(1, 64), restart: true},
	"maxclients":                {check: integer(100, 65000)},
	"proto-max-bulk-len":        {check: memory(mib, tib)},
	"tcp-backlog":               {check: integer(1, 65535), restart: true},
	"tcp-keepalive":             {check: count},
	"timeout":                   {check: count},
	"busy-reply-threshold":      {check: count},
	"notify-keyspace-events":    {check: letters("KEg$lszhxetdmnA")},
	outputLimits:                {check: outputLimit},

	// The disk.
	"appendfsync":                   {check: choice("everysec", "always")},
	"no-appendfsync-on-rewrite":     {check: yesNo},
	"auto-aof-rewrite-percentage":   {check: count},
	"auto-aof-rewrite-min-size":     {check: memory(0, 64*tib)},
	"aof-rewrite-incremental-fsync": {check: yesNo},
	"aof-timestamp-enabled":         {check: yesNo},
	"rdb-save-incremental-fsync":    {check: yesNo},
	"rdbcompression":                {check: yesNo},
	"stop-writes-on-bgsave-error":   {check: yesNo},

	// Replicas that come back.
	"repl-backlog-size": {check: memory(mib, tib)},

	// What the server tells of itself.
	"acllog-max-len":            {check: count},
	"hz":                        {check: integer(1, 500)},
	"latency-monitor-threshold": {check: count},
	"latency-tracking":          {check: yesNo},
	"loglevel":                  {check: choice("warning", "notice", "verbose", "debug")},
	"slowlog-log-slower-than":   {check: integer(-1, math.MaxInt32)},
	"slowlog-max-len":           {check: count},
}
