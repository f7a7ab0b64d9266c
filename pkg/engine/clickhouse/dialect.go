// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"slices"
	"strconv"
	"strings"
)

// Keeper is the program that keeps the consensus of the members.
type Keeper string

// The keepers.
const (
	// ClickHouseKeeper is part of the vendor's image, and speaks TLS.
	ClickHouseKeeper Keeper = "ClickHouseKeeper"
	// ZooKeeper is an image of its own. The ZooKeeper client of an old ClickHouse speaks no TLS, so that only the
	// NetworkPolicy keeps strangers out.
	ZooKeeper Keeper = "ZooKeeper"
)

// ports are those at which a keeper is reached, by members and by other keepers.
func (k Keeper) ports() []int32 {
	if k == ZooKeeper {
		return []int32{ZooKeeperPort, ZooKeeperPeerPort, ZooKeeperElectionPort}
	}
	return []int32{KeeperPort, RaftPort}
}

// Dialect is what differs between the versions of ClickHouse, as data: no other code asks for a version.
type Dialect struct {
	// Since is the first version of the dialect, Before the first that it does not hold for any more; "" for none.
	Since, Before string
	// Root is the tag around a configuration.
	Root string
	// Keeper is the program that keeps the consensus.
	Keeper Keeper
	// ReplicatedDatabases: a database of engine Replicated brings its tables to new members by itself. Without it the
	// agent makes them, from what another member has.
	ReplicatedDatabases bool
	// Grants: users.xml can say what a user may do. Without it only to which databases it comes (allow_databases).
	Grants bool
	// ClusterSecret: members show each other a common secret, and act as the user who asked. Without it they log in as
	// InterserverUser.
	ClusterSecret bool
	// AutoQuorum: insert_quorum can be "auto", a majority of the replicas that a table has.
	AutoQuorum bool
	// DropReplica: SYSTEM DROP REPLICA is known. Without it the agent removes a replica from the keepers' tree itself.
	DropReplica bool
	// ReloadsCertificates: a running server takes over a new certificate.
	ReloadsCertificates bool
	// ServerMemory: the server itself has a limit of memory. Without it the queries of all users have one together.
	ServerMemory bool
	// ServerSettings: the settings of the server are those of today, and a running server takes many of them over.
	ServerSettings bool
	// ServerPools: the background pools are settings of the server. Without it they are of the profile "default".
	ServerPools bool
	// PoolEntries: mutations and merges of whole partitions wait for free entries of the pool, by settings of their own.
	PoolEntries bool
	// PlainPort: a server that has a keeper does not start without a port that speaks no TLS, and there it would pass on
	// to the leader of a table what only that may do, such as DROP PARTITION. As it knows no password that it could send
	// without TLS, the leader refuses. No Service leads there, and the NetworkPolicy lets in nobody but the other
	// members: a statement that is refused is better than one that waits for a connection.
	PlainPort bool
	// SlowSessions: a table whose session with the keepers ended may find that out only when it looks for itself, which it
	// does once a minute by default. And requests of a session that is dead wait for each other, each as long as an
	// operation may take, before the session ends.
	SlowSessions bool
	// OldAddresses: a name that was looked up once keeps its address for as long as the server lives, and a pod that is
	// made anew has another. The server can be told to remember none; but the connections by which members fetch parts
	// are pooled by name, and each has the address of when it was made. So members are fetched from at their addresses,
	// and one that has moved is another one to the others' pools.
	OldAddresses bool
	// PatientFetches: a member that fetches a part from another waits for half an hour for the next byte, and so long no
	// other member's word counts for it: one that is frozen, or gone without a word, would hold up all writes to a table
	// whose last one it had not passed on.
	PatientFetches bool
	// LogTTL: the tables of the server's own logs can forget what is old. Without it there are none.
	LogTTL bool
	// LeastMemory is the least memory of a server that does anything.
	LeastMemory int64
}

// dialects are all that AtlasDB speaks, the oldest first.
var dialects = []Dialect{
	{
		Since: "18.16", Before: "18.17", Root: "yandex", Keeper: ZooKeeper, PlainPort: true, SlowSessions: true,
		OldAddresses: true, PatientFetches: true, LeastMemory: 256 * mib,
	},
	{
		Since: "24.8", Root: "clickhouse", Keeper: ClickHouseKeeper, ReplicatedDatabases: true, Grants: true,
		ClusterSecret: true, AutoQuorum: true, DropReplica: true, ReloadsCertificates: true, ServerMemory: true,
		ServerPools: true, ServerSettings: true, PoolEntries: true, LogTTL: true, LeastMemory: gib,
	},
}

// dialectFor gives the dialect of a version that Validate found good.
func dialectFor(version string) Dialect {
	d, _ := DialectOf(version)
	return d
}

// DialectOf gives the dialect of a version, and whether AtlasDB speaks one. A version may be a prefix such as "24", and
// is as new then as the newest that it may stand for.
func DialectOf(version string) (Dialect, bool) {
	for _, d := range slices.Backward(dialects) {
		if compareVersions(version, d.Since) >= 0 {
			return d, d.Before == "" || compareVersions(version, d.Before) < 0
		}
	}
	return Dialect{}, false
}

// memberPorts are those at which members reach each other, beside those for clients.
func (d Dialect) memberPorts() []int32 {
	ports := []int32{InterserverPort}
	if d.PlainPort {
		ports = append(ports, PlainPort)
	}
	return ports
}

// compareVersions compares by the numbers that both have, so that a prefix is like all that begins with it.
func compareVersions(a, b string) int {
	return slices.Compare(numbersOf(a, b), numbersOf(b, a))
}

// numbersOf gives the numbers of a version, as many as another has too. What is no number is 0.
func numbersOf(version, other string) []int {
	var numbers []int
	for i, part := range strings.Split(version, ".") {
		if i > strings.Count(other, ".") {
			break
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			n = 0
		}
		numbers = append(numbers, n)
	}
	return numbers
}
