// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "math"

// serverParameter is a setting of the server that is the user's to set.
type serverParameter struct {
	// check says what is wrong with a value; nil when nothing is.
	check func(value string) error
	// live says that a running server takes another value, in a version whose server does that at all.
	live bool
	// old says that versions know it whose settings of the server are few.
	old bool
	// pool says that those versions have it in the profile "default", and read it at their start.
	pool bool
}

func anyCount(value string) error { return integer(0, math.MaxInt64)(value) }

// serverParameters are the settings of the server that a user may set. A server does not start with a value that it
// cannot read here, so each is checked. Those that a running server takes over are the ones of which the vendor says so
// (system.server_settings), and which it takes in both directions: the pools of threads only ever grow.
var serverParameters = map[string]serverParameter{
	// Memory and caches.
	"max_server_memory_usage":        {check: anyCount, live: true},
	"mark_cache_size":                {check: anyCount, live: true, old: true},
	"uncompressed_cache_size":        {check: anyCount, live: true, old: true},
	"index_mark_cache_size":          {check: anyCount, live: true},
	"index_uncompressed_cache_size":  {check: anyCount, live: true},
	"mmap_cache_size":                {check: anyCount, live: true},
	"compiled_expression_cache_size": {check: anyCount},
	"query_cache.max_size_in_bytes":  {check: anyCount},
	"query_cache.max_entries":        {check: anyCount},

	// Clients and queries.
	"max_connections":               {check: integer(16, 65536), old: true},
	"max_concurrent_queries":        {check: anyCount, live: true, old: true},
	"max_concurrent_insert_queries": {check: anyCount, live: true},
	"max_concurrent_select_queries": {check: anyCount, live: true},
	"keep_alive_timeout":            {check: integer(0, 3600), old: true},
	"default_session_timeout":       {check: integer(1, 86400), old: true},
	"max_session_timeout":           {check: integer(1, 86400), old: true},
	"async_insert_threads":          {check: integer(0, 256)},

	// Threads in the background.
	"background_pool_size":                                {check: integer(1, 256), pool: true},
	"background_merges_mutations_concurrency_ratio":       {check: integer(1, 16)},
	"background_merges_mutations_scheduling_policy":       {check: choice("round_robin", "shortest_task_first")},
	"background_move_pool_size":                           {check: integer(1, 256)},
	"background_fetches_pool_size":                        {check: integer(1, 256)},
	"background_common_pool_size":                         {check: integer(1, 256)},
	"background_buffer_flush_schedule_pool_size":          {check: integer(1, 256)},
	"background_schedule_pool_size":                       {check: integer(1, 2048), pool: true},
	"background_message_broker_schedule_pool_size":        {check: integer(1, 256)},
	"background_distributed_schedule_pool_size":           {check: integer(1, 256)},
	"max_thread_pool_size":                                {check: integer(100, 100000)},
	"concurrent_threads_soft_limit_num":                   {check: anyCount, live: true},
	"concurrent_threads_soft_limit_ratio_to_cores":        {check: anyCount, live: true},
	"max_replicated_fetches_network_bandwidth_for_server": {check: anyCount},
	"max_replicated_sends_network_bandwidth_for_server":   {check: anyCount},

	// What protects from mistakes, and what the server tells of itself.
	"max_table_size_to_drop":     {check: anyCount, live: true, old: true},
	"max_partition_size_to_drop": {check: anyCount, live: true, old: true},
	"dictionaries_lazy_load":     {check: choice("true", "false", "1", "0"), old: true},
	"timezone":                   {check: timeZone, old: true},
	"logger.level": {
		check: choice("fatal", "critical", "error", "warning", "notice", "information", "debug", "trace"),
		old:   true,
	},
}
