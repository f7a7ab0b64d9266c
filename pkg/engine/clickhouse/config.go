// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"strconv"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Configure renders the files that all members and all keepers share.
func (Engine) Configure(spec *v1alpha1.DatabaseClusterSpec, build string) map[string]string {
	d := dialectFor(build)
	files := map[string]string{
		ConfigFile: d.mustRender(d.server(spec)...),
		UsersFile:  d.mustRender(d.profiles(spec), quotas()),
	}
	if d.Keeper == ZooKeeper {
		files[ZooKeeperFile] = properties(zooKeeperSettings)
		files[ZooKeeperOptionsFile] = zooKeeperOptions(capacityOf(keeperOf(spec).Resources, leastKeeperMemory))
		return files
	}
	files[KeeperFile] = d.mustRender(keeperServer()...)
	return files
}

// mustRender renders elements whose names are known, or were judged by Validate.
func (d Dialect) mustRender(elements ...element) string {
	content, err := render(d.Root, elements...)
	if err != nil {
		panic("a setting that Validate should have refused: " + err.Error())
	}
	return content
}

// server is config.xml: what the server is, but for what a member has of its own (member.go).
func (d Dialect) server(spec *v1alpha1.DatabaseClusterSpec) []element {
	c := capacityOf(spec.Resources, d.LeastMemory)
	all := []element{
		number("tcp_port_secure", NativePort),
		number("https_port", HTTPSPort),
		number("interserver_https_port", InterserverPort),
		leaf("path", DataDirectory+"/"),
		leaf("tmp_path", DataDirectory+"/tmp/"),
		leaf("user_files_path", DataDirectory+"/user_files/"),
		leaf("format_schema_path", DataDirectory+"/format_schemas/"),
		leaf("default_profile", "default"),
		leaf("default_database", "default"),
		// No file of dictionaries or of anything else is looked for beside the configuration.
		leaf("dictionaries_config", ""),
	}
	if d.PlainPort {
		all = append(all, number("tcp_port", PlainPort))
	}
	if d.OldAddresses {
		all = append(all, number("disable_internal_dns_cache", 1))
	}
	all = append(all, listening()...)
	all = append(all, openSSL("none"))
	all = append(all, d.accessControl()...)
	all = append(all, d.logs()...)
	return append(all, settings(d.parametersOf(spec, inServer, d.serverDefaults(c)))...)
}

// listening takes connections from everywhere: who may come in is for the NetworkPolicy, the certificates and the
// users. A host may have IPv4, IPv6 or both; the second name is for those where the first is not for both.
func listening() []element {
	return []element{
		leaf("listen_host", "::"), leaf("listen_host", "0.0.0.0"), yesNo("listen_try", true),
	}
}

// serverDefaults are the settings of the server that a user may set otherwise.
func (d Dialect) serverDefaults(c capacity) map[string]string {
	all := map[string]string{
		"logger.console":          "true",
		"logger.level":            "information",
		"timezone":                "UTC", // one for all members, whatever their hosts have
		"mark_cache_size":         decimal(c.marks()),
		"uncompressed_cache_size": decimal(c.blocks()),
	}
	if d.ServerMemory {
		all["max_server_memory_usage"] = decimal(c.server())
		all["index_mark_cache_size"] = decimal(c.marks() / 2)
	}
	if d.SlowSessions {
		all["merge_tree.zookeeper_session_expiration_check_period"] = "3"
	}
	mergers := c.mergers()
	if d.ServerPools {
		all["background_pool_size"] = decimal(mergers)
	}
	// In the vendor's proportions: with more of these than there are threads nothing large would ever be merged, and a
	// current server does not start.
	all["merge_tree.number_of_free_entries_in_pool_to_lower_max_size_of_merge"] = decimal(mergers / 2)
	if d.PoolEntries {
		all["merge_tree.number_of_free_entries_in_pool_to_execute_mutation"] = decimal(mergers * 5 / 4)
		all["merge_tree.number_of_free_entries_in_pool_to_execute_optimize_entire_partition"] = decimal(mergers * 25 / 16)
	}
	return all
}

// accessControl is where users come from, and that grants mean what they say. An old version has neither.
func (d Dialect) accessControl() []element {
	if !d.Grants {
		return []element{leaf("users_config", UsersFile)}
	}
	return []element{
		// Users come from this file alone: nobody can make one by a statement.
		group("user_directories", group("users_xml", leaf("path", UsersFile))),
		group("access_control_improvements",
			yesNo("users_without_row_policies_can_read_rows", true),
			yesNo("on_cluster_queries_require_cluster_grant", true),
			yesNo("select_from_system_db_requires_grant", true),
			yesNo("select_from_information_schema_requires_grant", true),
			yesNo("settings_constraints_replace_previous", true)),
	}
}

// logs are the server's log on the container's output, and its tables of what was done, which forget after a week.
func (d Dialect) logs() []element {
	if !d.LogTTL {
		return nil
	}
	var all []element
	for _, table := range []string{"query_log", "part_log", "error_log"} {
		all = append(all, group(table,
			leaf("database", "system"),
			leaf("table", table),
			leaf("partition_by", "toMonday(event_date)"),
			leaf("ttl", "event_date + INTERVAL 7 DAY DELETE"),
			leaf("flush_interval_milliseconds", "7500")))
	}
	return append(all, group("send_crash_reports", yesNo("enabled", false)))
}

// openSSL is how all ports speak TLS, and how the server speaks as a client to its siblings and keepers. The authority
// is the cluster's own, and only members have certificates by it.
func openSSL(verifyClients string) element {
	return group("openSSL",
		group("server",
			leaf("certificateFile", certificate(resource.ServerCertKey)),
			leaf("privateKeyFile", certificate(resource.ServerKeyKey)),
			leaf("caConfig", certificate(resource.CACertKey)),
			leaf("verificationMode", verifyClients),
			yesNo("loadDefaultCAFile", false),
			yesNo("cacheSessions", true),
			leaf("disableProtocols", oldProtocols),
			yesNo("preferServerCiphers", true)),
		group("client",
			leaf("certificateFile", certificate(resource.ClientCertKey)),
			leaf("privateKeyFile", certificate(resource.ClientKeyKey)),
			leaf("caConfig", certificate(resource.CACertKey)),
			leaf("verificationMode", "strict"),
			yesNo("loadDefaultCAFile", false),
			yesNo("cacheSessions", true),
			leaf("disableProtocols", oldProtocols),
			yesNo("preferServerCiphers", true),
			group("invalidCertificateHandler", leaf("name", "RejectCertificateHandler"))))
}

// oldProtocols are those that nobody should speak any more.
const oldProtocols = "sslv2,sslv3,tlsv1,tlsv1_1"

func certificate(key string) string { return resource.TLSMountPath + "/" + key }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
