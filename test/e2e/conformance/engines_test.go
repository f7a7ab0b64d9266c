// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// engines are all engines that AtlasDB runs. CI runs the first one in full.
var engines = []*engine{
	{
		name: "postgresql", kind: v1alpha1.EnginePostgreSQL, version: "17", members: 3,
		process: "postgres", connect: openPostgreSQL, keys: 1,
		live:    parameter{name: "work_mem", value: "6MB"},
		restart: parameter{name: "max_connections", value: "120"},
		lacks: map[trait]string{
			shards: "every member has all data", ensemble: "who is primary is in a Lease", memberURI: byService,
		},
	},
	{
		name: "redis", kind: v1alpha1.EngineRedis, version: "7", members: 3,
		process: "redis-server", connect: openRedis, keys: 1,
		live:    parameter{name: "maxmemory-policy", value: "allkeys-lru"},
		restart: parameter{name: "io-threads", value: "2", hidden: true},
		lacks: map[trait]string{
			namedDatabase:          "databases have numbers, and a client begins in number 0",
			shards:                 "they are chosen at birth, see redis-cluster",
			ensemble:               "who is primary is in a Lease",
			memberURI:              byService,
			durableAcknowledgement: acknowledgesEarly,
		},
	},
	{
		name: "redis-cluster", kind: v1alpha1.EngineRedis, version: "7", members: 2, shards: 3,
		process: "redis-server", connect: openRedisCluster, keys: redisKeys,
		live:    parameter{name: "maxmemory-policy", value: "allkeys-lru"},
		restart: parameter{name: "io-threads", value: "2", hidden: true},
		lacks: map[trait]string{
			namedDatabase:          "a Redis Cluster has database number 0 and no other",
			onePrimary:             "each shard has one, and clients find the one of a key by themselves",
			oneMember:              "it takes three primaries to elect the successor of one",
			lease:                  votes,
			ensemble:               votes,
			memberURI:              byService,
			margin:                 "of a shard of two the one that is left waits for the other",
			durableAcknowledgement: acknowledgesEarly,
		},
	},
	clickHouse,
	mongoDB,
}

// mongoDB is a replica set. On localkube a stand-in plays its server (test/standin/mongod), so that there it is
// simulated; on any other cluster it is the vendor's.
var mongoDB = &engine{
	name: "mongodb", kind: v1alpha1.EngineMongoDB, version: "8.0", members: 3, simulated: true,
	process: "mongod", connect: openMongoDB, follow: followMongoDB, keys: 1,
	live:    parameter{name: "cursorTimeoutMillis", value: "300000", hidden: true},
	restart: parameter{name: "net.maxIncomingConnections", value: "2000", hidden: true},
	lacks: map[trait]string{
		lease: votes, ensemble: votes, shards: "they are not built",
		keptPrimary: "its members elect anew when they start, and prefer nobody",
	},
}

// clickHouse is one shard whose replicas agree by a Keeper. Which version that is the cluster's DatabaseEngine says:
// there is no name for both Debian's of the local Kubernetes and the vendor's elsewhere.
var clickHouse = &engine{
	name: "clickhouse", kind: v1alpha1.EngineClickHouse, members: 3,
	process: "clickhouse-serv", connect: openClickHouse, keys: 1,
	keepers: keepers{component: "keeper", members: 3, processes: []string{"clickhouse-keep", "java"}},
	live:    parameter{name: "max_block_size", value: "32768"},
	restart: parameter{name: "max_connections", value: "1000", hidden: true},
	lacks: map[trait]string{
		primary: everyoneWrites, onePrimary: everyoneWrites, lease: everyoneWrites,
		memberURI: byService, shards: "they are chosen at birth",
	},
}

// votes is why some have neither a Lease nor keepers.
const votes = "its members vote by themselves"

// byService is why the URI of a binding names nobody but a Service.
const byService = "clients come by the Service"

// everyoneWrites is why ClickHouse has nobody to switch over to.
const everyoneWrites = "every member accepts writes"

// acknowledgesEarly is why Redis may lose what a member that dies acknowledged last.
const acknowledgesEarly = "it acknowledges before its replicas have a write, and before its disk has it"

// engine is all that the behaviours must know of an engine.
type engine struct {
	// name is what ENGINE says.
	name string
	// kind and version are what the spec of a cluster says. The version is one that localkube has; "" is the default of
	// the DatabaseEngine.
	kind    v1alpha1.EngineType
	version string
	// members is how many there are, of each of so many shards; 0 shards are none.
	members, shards int32
	// simulated says that on localkube something else plays the vendor's server. The names of its tests say so.
	simulated bool
	// process is the name of the server's process, as /proc/PID/comm has it: 15 characters at most.
	process string
	// keepers are the servers that keep the members' consensus, of an engine with the trait ensemble.
	keepers keepers
	// connect opens a session through a Service, by the client library that applications use. A route without TLS is
	// tried without.
	connect func(context.Context, *frame.Route) (session, error)
	// follow opens one by what the binding's URI alone says, of an engine with the trait memberURI.
	follow func(context.Context, *frame.Route) (session, error)
	// keys is after how many records in a row every part of the data was written to.
	keys int
	// live takes effect while the server runs, and restart when it is started again.
	live, restart parameter
	// lacks are the traits that the engine does not have, each with the reason.
	lacks map[trait]string
}

func (e *engine) has(t trait) bool { return e.lacks[t] == "" }

// keepers are the servers of an ensemble.
type keepers struct {
	// component is part of their names, as in orders-db-keeper-0.
	component string
	members   int32
	// processes are names that their server's process may have.
	processes []string
}

// parameter is a parameter with a value that is not its default, as the server shows it.
type parameter struct {
	name, value string
	// hidden says that the engine shows it to no application.
	hidden bool
}

// session is an application's connection.
type session interface {
	// Write stores a record and returns when it was acknowledged. To store it once more changes nothing.
	Write(ctx context.Context, record int) error
	// Read gives all records, in order.
	Read(ctx context.Context) ([]int, error)
	// Setting is the value of a parameter in the server that answers.
	Setting(ctx context.Context, name string) (string, error)
	Close()
}

// trait is something that an engine has unless its entry says otherwise.
type trait string

const (
	// primary: of any record one member at a time accepts writes, and another can be asked to.
	primary trait = "primary"
	// onePrimary: that member is the same for all records, and another refuses their writes.
	onePrimary trait = "one primary"
	// keptPrimary: who is primary when all members stop is primary when they start.
	keptPrimary trait = "kept primary"
	// oneMember: a database can have a single member.
	oneMember trait = "one member"
	// margin: when one member is lost, those that are left have a majority, and writes go on.
	margin trait = "margin"
	// ensemble: servers beside the members keep what these agree on.
	ensemble trait = "ensemble"
	// shards: data can be spread over more shards, and over fewer.
	shards trait = "shards"
	// lease: who is primary has the cluster's Lease.
	lease trait = "lease"
	// namedDatabase: the login of the binding leads to a database that has a name.
	namedDatabase trait = "named database"
	// memberURI: the binding's URI names the members, and a client library finds the primary among them.
	memberURI trait = "member URI"
	// liveParameter: there are parameters that take effect while the server runs.
	liveParameter trait = "live parameter"
	// restartParameter: there are parameters that need a restart of the server.
	restartParameter trait = "restart parameter"
	// durableAcknowledgement: a write that was acknowledged outlives the sudden death of the member that did so.
	durableAcknowledgement trait = "durable acknowledgement"
)
