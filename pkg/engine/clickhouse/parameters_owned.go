// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "github.com/atlasdb/atlasdb/pkg/engine"

// ownedParameters are not the user's to set.
var ownedParameters = engine.Owned{
	"the members' ports and addresses are AtlasDB's": {
		"tcp_port*", "http_port*", "https_port*", "interserver_*", "listen_*", "mysql_port*", "postgresql_port*",
		"grpc_port*", "grpc.*", "prometheus*", "arrow_flight*", "protocols*", "proxy*", "display_name",
		"disable_internal_dns_cache", "http_handlers*", "ssh_server*", "tcp_ssh_port",
	},
	"encryption is AtlasDB's, with its own certificates": {"openssl*", "encryption*", "acme*"},
	"the users are AtlasDB's, and so is what they may do": {
		"users*", "user_directories*", "profiles*", "profile", "quotas*", "quota", "default_profile", "system_profile",
		"access_control*", "ldap*", "kerberos*", "http_authentication*", "constraints*", "readonly", "allow_ddl",
		"allow_introspection_functions", "named_collections*", "remote_url_allow_hosts*", "password_complexity*",
		"allow_plaintext_password", "allow_no_password", "allow_implicit_no_password", "custom_settings_prefixes",
	},
	"AtlasDB decides where files are": {
		"path", "tmp_path", "tmp_policy", "temporary_data_in_cache", "user_files_path", "user_scripts_path",
		"format_schema_path", "user_defined*", "storage_configuration*", "include_from", "dictionaries_config",
		"dictionaries_lib_path", "custom_cached_disks*", "filesystem_caches*", "backups*", "top_level_domains*",
		"merge_tree.storage_policy", "merge_tree.disk", "replicated_merge_tree.storage_policy",
		"replicated_merge_tree.disk", "models_config", "catboost_lib_path", "google_protos_path",
	},
	"AtlasDB runs the replication": {
		"macros*", "remote_servers*", "zookeeper*", "keeper_server*", "auxiliary_zookeepers*", "distributed_ddl*",
		"default_replica_path", "default_replica_name", "replica_group_name", "allow_distributed_ddl",
		"cluster_discovery", "allow_experimental_cluster_discovery",
	},
	"spec.durability decides what an acknowledgement waits for": {
		"insert_quorum", "fsync_metadata", "merge_tree.fsync*", "replicated_merge_tree.fsync*",
	},
	"the process is the agent's, and its log goes to the container's output": {
		"logger.log", "logger.errorlog", "logger.console*", "logger.syslog*", "logger.use_syslog", "logger.size",
		"logger.count", "core_dump*", "core_path", "umask", "mlock_executable", "oom_score", "send_crash_reports*",
		"watchdog*", "executable_*", "shutdown_wait*",
	},
}
