// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "math"

// directive kinds: how a value is judged before a member meets it at its next start and stays down.
var (
	flag    = choice("yes", "no")
	count   = integer(0, math.MaxInt32)
	entries = integer(0, math.MaxInt32)
	seconds = integer(0, math.MaxInt32)
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
	"lazyfree-lazy-eviction":      {check: flag},
	"lazyfree-lazy-expire":        {check: flag},
	"lazyfree-lazy-server-del":    {check: flag},
	"lazyfree-lazy-user-del":      {check: flag},
	"lazyfree-lazy-user-flush":    {check: flag},
	"activerehashing":             {check: flag},
	"tracking-table-max-keys":     {check: count},

	// From which size on a value is kept in the form that is large and fast.
	"hash-max-listpack-entries": {check: entries},
	"hash-max-listpack-value":   {check: entries},
	"hll-sparse-max-bytes":      {check: integer(0, 16000)},
	"list-compress-depth":       {check: entries},
	"list-max-listpack-size":    {check: integer(-5, 65536)},
	"set-max-intset-entries":    {check: entries},
	"stream-node-max-bytes":     {check: memory(0, gib)},
	"stream-node-max-entries":   {check: entries},
	"zset-max-listpack-entries": {check: entries},
	"zset-max-listpack-value":   {check: entries},

	// Clients.
	"client-query-buffer-limit": {check: memory(mib, tib)},
	"io-threads":                {check: integer(1, 64), restart: true},
	"maxclients":                {check: integer(100, 100000)},
	"proto-max-bulk-len":        {check: memory(mib, tib)},
	"tcp-backlog":               {check: integer(1, 65535), restart: true},
	"tcp-keepalive":             {check: seconds},
	"timeout":                   {check: seconds},
	"busy-reply-threshold":      {check: count},
	"notify-keyspace-events":    {check: letters("KEg$lszhxetdmnA")},
	outputLimits:                {check: outputLimit},

	// The disk.
	"appendfsync":                   {check: choice("everysec", "always")},
	"no-appendfsync-on-rewrite":     {check: flag},
	"auto-aof-rewrite-percentage":   {check: count},
	"auto-aof-rewrite-min-size":     {check: memory(0, 64*tib)},
	"aof-rewrite-incremental-fsync": {check: flag},
	"aof-timestamp-enabled":         {check: flag},
	"rdb-save-incremental-fsync":    {check: flag},
	"rdbcompression":                {check: flag},
	"stop-writes-on-bgsave-error":   {check: flag},

	// Replicas that come back.
	"repl-backlog-size": {check: memory(mib, tib)},

	// What the server tells of itself.
	"acllog-max-len":            {check: count},
	"hz":                        {check: integer(1, 500)},
	"latency-monitor-threshold": {check: count},
	"latency-tracking":          {check: flag},
	"loglevel":                  {check: choice("warning", "notice", "verbose", "debug")},
	"slowlog-log-slower-than":   {check: integer(-1, math.MaxInt32)},
	"slowlog-max-len":           {check: count},
}
