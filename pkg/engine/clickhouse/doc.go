// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package clickhouse is the pure half of AtlasDB's ClickHouse: which specs are good, how a member and a keeper are
// configured, who may do what, and what members and keepers do next. The driver that speaks to the server is
// pkg/agent/clickhouse.
//
// # No primary, and keepers
//
// Every member accepts writes. Replicas of a shard agree by keepers, servers of ClickHouse Keeper that are there as
// soon as there is more than one member (Engine.Topology), and fetch the parts of tables from each other. So there is
// no Lease, no election of AtlasDB's and nothing to hand over; without a majority of keepers, reads go on and writes
// are refused, by the engine itself.
//
// # Versions are data
//
// What differs between versions stands in one table (dialect.go), and no other code asks for a version. Current is
// everything from 24.8 on. 18.16 is the version that Debian has, and so the real server of the tests: it keeps its
// consensus in ZooKeeper, in plain text behind the NetworkPolicy; it knows no grants; with keepers it wants a port
// without TLS, to which no Service leads.
//
// # Files
//
// The plan has config.xml (the server), users.xml (profiles and quotas) and keeper.xml or zoo.cfg, the same for all
// (config.go, profiles.go, keeper.go). What differs between members is rendered from the plan where it is needed:
// config.d/member.xml with names, siblings and keepers (member.go), users.d/accounts.xml with the users (accounts.go),
// keeper.d/member.xml. A configuration is a tree, written by the encoder of encoding/xml, so that no value can add an
// element (xml.go). All is below ConfigDirectory, which is no volume; all data is below DataDirectory.
//
// Users stand in users.xml for every version, and not in SQL: there they are what the plan says, without statements to
// be repeated on each member, they are read again without a restart, and there is nothing to quote. What a user may do
// are grants in the same file.
//
// # What the configuration is computed from
//
// M is the memory limit of a member. Without one it is the request, which is no bound, but at least 1Gi (256Mi for
// 18.16). What is not named here is a constant (config.go) or stays at the server's own default.
//
//	max_server_memory_usage             9/10 of (M - 64Mi): the rest is the agent's, and what the server does not count
//	mark_cache_size                     M/8, from 16Mi to 5Gi; half of it for index_mark_cache_size
//	uncompressed_cache_size             M/16, from 8Mi to 8Gi
//	max_memory_usage                    2/3 of max_server_memory_usage: of one query
//	max_bytes_before_external_group_by  half of max_memory_usage, as for sorting: then the disk is used
//	max_threads                         the CPU limit, rounded up; without one the server's own
//	background_pool_size                twice the CPU limit, from 4 to 16; without one 16
//	merge_tree.number_of_free_entries…  in the vendor's proportion to background_pool_size
//	insert_quorum                       of applications, with durability Majority and more than one member: auto
//
//	M       server      marks     blocks    one query
//	256Mi   (172 MiB)   32 MiB    16 MiB    82 MiB, only 18.16
//	1Gi     864 MiB     128 MiB   64 MiB    576 MiB
//	4Gi     3628 MiB    512 MiB   256 MiB   2418 MiB
//	64Gi    58924 MiB   5 GiB     4 GiB     39282 MiB
//
// 18.16 has no limit of the server's own: max_memory_usage_for_all_queries is what is left beside the caches, and
// insert_quorum is the majority of the shard's members as a number.
//
// # Parameters
//
// spec.parameters takes three kinds (parameters.go). Settings of the server (parameters_table.go) are listed, checked,
// and each known to be live or to need a restart. Settings of tables are merge_tree.* and replicated_merge_tree.*, for
// all tables that do not say otherwise, and need a restart. Anything else is a setting of the profile that applications
// have, and live: there are more than a thousand, other ones in each version, and the server judges their names. What
// AtlasDB owns is refused with the reason (parameters_owned.go). Dialect.Waiting tells what waits.
//
// # What a member does next
//
// The rules are runbook.go's. The initialiser makes the identity of the data, once; every other member and every keeper
// begins with the one in the plan, and an empty member gets its tables from siblings. A cluster of one member that has
// lost its volume says so and waits. Before a server stops it is taken out of the Services, and what runs may end.
//
// # Safety rules
//
//   - There is no user default, as whom a connection begins, and nobody comes in without a password.
//   - The agent's user is for the same machine only, and its password is in no file but as its hash.
//   - The members' password is in files that are on no volume, and hidden from the copy that the server itself makes of
//     its configuration (hide_in_preprocessed; an old server does not know that, and the driver sees to it).
//   - No port speaks anything but TLS, except for those of 18.16 and its ZooKeeper named above.
//   - A keeper takes only clients with a certificate of the cluster's own authority.
//   - An application may do anything within its own database and nothing with the server; from other machines it reads
//     only those of its own cluster (remote_url_allow_hosts). 18.16 can only bound to which databases it comes.
//   - A value with "${" is refused: the server would put another setting in its place, a password for instance.
//
// # What is proved on what
//
// Tests named TestOld… run a real 18.16.1 and a real ZooKeeper 3.8 where they are installed. Those named
// TestCurrentEngine… (make clickhouse-parse) have the engine of 26.7, as a library without a server, load the
// configuration and parse the statements. Nothing here has proved how a current server listens, replicates and speaks
// to its Keeper, nor that keeper.xml means to a Keeper what it should.
//
// Read engine.go, dialect.go, config.go, member.go, accounts.go and keeper.go in this order, then parameters.go and
// runbook.go.
package clickhouse
