// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// ownedParameters are not the user's to set.
var ownedParameters = engine.Owned{
	"the members' addresses and sockets are AtlasDB's": {
		"listen_addresses", "port", "unix_socket_*", "bonjour*",
	},
	"encryption is decided by spec.network.tls and AtlasDB's certificates": {"ssl*", "krb_*"},
	"AtlasDB decides where files are": {
		"config_file", "data_directory", "hba_file", "ident_file", "external_pid_file", "include*",
		"shared_memory_type", "dynamic_shared_memory_type",
	},
	"AtlasDB runs the replication": {
		"primary_*", "cluster_name", "hot_standby", "wal_level", "wal_log_hints", "wal_receiver_create_temp_slot",
		"promote_trigger_file", "recovery_*", "restore_command", "restart_after_crash",
	},
	"AtlasDB archives the write-ahead log": {"archive_*"},
	"spec.durability decides when a write is acknowledged": {
		"synchronous_commit", "synchronous_standby_names",
	},
	"another value can lose or corrupt data": {
		"fsync", "full_page_writes", "data_sync_retry", "zero_damaged_pages", "ignore_checksum_failure",
		"ignore_invalid_pages",
	},
	"AtlasDB's logins depend on it": {
		"password_encryption", "db_user_namespace", "superuser_reserved_connections", "reserved_connections",
		"allow_alter_system",
	},
	"the log goes to the container's output": {
		"log_destination", "logging_collector", "log_directory", "log_filename", "log_file_mode", "log_rotation_*",
		"log_truncate_on_rotation", "log_line_prefix", "syslog_*", "event_source",
	},
}

// presetParameters can only be read: the server refuses to start with one of them in its configuration
// (https://www.postgresql.org/docs/17/runtime-config-preset.html).
var presetParameters = []string{
	"block_size", "data_checksums", "data_directory_mode", "debug_assertions", "huge_pages_status", "in_hot_standby",
	"integer_datetimes", "lc_collate", "lc_ctype", "max_function_args", "max_identifier_length", "max_index_keys",
	"num_os_semaphores", "segment_size", "server_encoding", "server_version", "server_version_num",
	"shared_memory_size", "shared_memory_size_in_huge_pages", "ssl_library", "wal_block_size", "wal_segment_size",
}

// ownerReason says why a parameter, in lower case, is not the user's to set; owned is false when it is.
func ownerReason(name string) (why string, owned bool) {
	if strings.Contains(name, ".") {
		return "", false // an extension's: whatever its name begins with, it is not the server's own
	}
	if why, owned := ownedParameters.Reason(name); owned {
		return why, true
	}
	if slices.Contains(presetParameters, name) {
		return "the server computes it, it can only be read", true
	}
	return "", false
}
