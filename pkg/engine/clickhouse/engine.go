// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Names of the files of a member's configuration, below ConfigDirectory. The first three are the plan's; what differs
// between members is in those of a folder, which the server merges over the file of the same kind.
const (
	// ConfigFile has the settings of the server, UsersFile the profiles and quotas.
	ConfigFile = "config.xml"
	UsersFile  = "users.xml"
	// KeeperFile has the settings of ClickHouse Keeper, ZooKeeperFile those of ZooKeeper: a version has one of them.
	KeeperFile    = "keeper.xml"
	ZooKeeperFile = "zoo.cfg"
	// MemberFile has what a member has of its own: names, addresses, other members.
	MemberFile = "config.d/member.xml"
	// AccountsFile has the users of a member.
	AccountsFile = "users.d/accounts.xml"
	// KeeperMemberFile has what a keeper has of its own: its number and the other keepers.
	KeeperMemberFile = "keeper.d/member.xml"
)

// Users that AtlasDB itself uses.
const (
	// AgentUser may do everything, from the same machine only. Its password is the agent's own, drawn anew in each life of
	// it.
	AgentUser = "atlasdb"
	// InterserverUser is what members are to each other. Its password is resource.ReplicationPasswordKey of the Secret
	// that only they mount.
	InterserverUser = "atlasdb_interserver"
)

// Database is the database that the application's login leads to.
const Database = "app"

// Where a member has its configuration and its data.
const (
	// ConfigDirectory is where the agent writes what the server is started with. It is in memory, since there are
	// passwords among that.
	ConfigDirectory = resource.MemoryMountPath + "/clickhouse"
	// DataDirectory is the server's path, of a member and of a keeper.
	DataDirectory = resource.DataMountPath + "/" + dataSubdirectory

	dataSubdirectory = "clickhouse"
)

// Ports. All of them speak TLS, but for PlainPort and those of ZooKeeper.
const (
	// NativePort is for clients in ClickHouse's own protocol, HTTPSPort for those that speak HTTP.
	NativePort = 9440
	HTTPSPort  = 8443
	// PlainPort speaks ClickHouse's own protocol without TLS. Only versions that do not start without have it
	// (Dialect.PlainPort).
	PlainPort = 9000
	// InterserverPort is where members fetch parts from each other.
	InterserverPort = 9010
	// KeeperPort is where members reach a ClickHouse Keeper, RaftPort where keepers reach each other.
	KeeperPort = 9281
	RaftPort   = 9234
	// ZooKeeperPort is where members reach a ZooKeeper; ZooKeepers replicate and elect on the other two.
	ZooKeeperPort         = 2181
	ZooKeeperPeerPort     = 2888
	ZooKeeperElectionPort = 3888
)

// KeeperComponent is the component of the servers that keep the members' consensus.
const KeeperComponent = "keeper"

// The macros of a member: what its replicated tables are called in the keepers' tree.
const (
	MacroCluster = "cluster"
	MacroShard   = "shard"
	MacroReplica = "replica"
)

// Engine is ClickHouse as the operator sees it. It has no state.
type Engine struct{}

// Traits are the fixed facts of ClickHouse.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Type:                v1alpha1.EngineClickHouse,
		Provider:            "clickhouse",
		URIScheme:           "clickhouse",
		URIOptions:          "secure=true",
		Database:            Database,
		ClientPort:          NativePort,
		ClientPorts:         []engine.Port{{Name: "https", Number: HTTPSPort}},
		ReplicationLogin:    InterserverUser,
		ReplicationPassword: true,
		DataSubdirectory:    dataSubdirectory,
	}
}

// Topology of ClickHouse has no primary. Its keepers are needed as soon as there are two servers to agree.
func (Engine) Topology(spec *v1alpha1.DatabaseClusterSpec) engine.Topology {
	keeper := keeperOf(spec)
	dialect, _ := DialectOf(spec.Version)
	return engine.Topology{
		Leadership:  engine.LeadershipNone,
		MemberPorts: dialect.memberPorts(),
		Ensemble: &engine.Ensemble{
			Component: KeeperComponent,
			Needed:    spec.Members > 1 || (spec.Shards != nil && *spec.Shards > 1),
			Members:   int(keeper.Members),
			Storage:   *keeper.Storage.Size,
			Resources: keeper.Resources,
			Ports:     dialect.Keeper.ports(),
		},
		AbandonShards: spec.ClickHouse != nil && spec.ClickHouse.ShardRemoval == v1alpha1.ShardRemovalAcceptDataLoss,
	}
}

// NextMajor is none: the vendor promises no way from any major version to the next.
func (Engine) NextMajor(string) string { return "" }

// Locale is empty: ClickHouse compares bytes.
func (Engine) Locale(*v1alpha1.DatabaseClusterSpec) string { return "" }

// Verifier is the SHA-256 of the password, as users.xml has it. ClickHouse takes no salt there; AtlasDB's passwords are
// random, and nobody finds those by trying.
func (Engine) Verifier(_, _, password string) string { return PasswordHash(password) }

// PasswordHash is how the server knows a password without being told it.
func PasswordHash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}
