// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Names of the files of a member's configuration.
const (
	// ConfigFile holds the settings that all members share, in the syntax of redis.conf. Configure renders it.
	ConfigFile = "redis.conf"
	// MemberConfFile holds what differs between members and is what the server is started with: it includes ConfigFile
	// (MemberConf), and what it says after that counts.
	MemberConfFile = "member.conf"
	// UsersFile holds the users (Accounts.File). It has no password in it, but the proofs of some.
	UsersFile = "users.acl"
)

// Names of what the server writes into its data directory.
const (
	// SnapshotFile is the RDB snapshot.
	SnapshotFile = "dump.rdb"
	// AppendDirectory holds the append-only log, in files whose names begin with AppendFile.
	AppendDirectory = "appendonlydir"
	AppendFile      = "appendonly.aof"
)

// Users that AtlasDB itself uses.
const (
	// AgentUser may do everything. Its password is the agent's own, drawn anew in each life of it.
	AgentUser = "atlasdb"
	// ReplicationUser is what members are to each other. Its password is resource.ReplicationPasswordKey of the Secret
	// that only they mount: no Redis before 8.6 lets a certificate log in.
	ReplicationUser = "atlasdb_replication"
)

// Where a member's server is reached and has its data.
const (
	// SocketDirectory is where the local socket is, SocketPath the socket itself.
	SocketDirectory = resource.RunMountPath + "/redis"
	SocketPath      = SocketDirectory + "/redis.sock"
	// DataDirectory is the server's working directory.
	DataDirectory = resource.DataMountPath + "/" + dataSubdirectory
)

const (
	// ClientPort is the port of Redis, for clients and for replication, always with TLS.
	ClientPort = 6379
	// busPort is where the members of a Redis Cluster gossip and vote: the server itself adds the number.
	busPort = ClientPort + 10000
	// dataSubdirectory is the folder of the volume that has the data.
	dataSubdirectory = "redis"
)

var _ engine.Engine = Engine{}

// Engine is Redis as the operator sees it, and Valkey just so. It has no state.
type Engine struct{}

// Traits are the fixed facts of Redis. It has no database for a login to lead to: a client begins in number 0.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Type:                v1alpha1.EngineRedis,
		Provider:            "redis",
		URIScheme:           "rediss", // the scheme says that the connection is encrypted, so no option needs to
		ClientPort:          ClientPort,
		ReplicationLogin:    ReplicationUser,
		ReplicationPassword: true,
		DataSubdirectory:    dataSubdirectory,
	}
}

// Topology of Redis with shards is a Redis Cluster, whose servers vote by themselves over a port of their own; without
// shards the primary has the Lease.
func (Engine) Topology(spec *v1alpha1.DatabaseClusterSpec) engine.Topology {
	if spec.Shards == nil {
		return engine.Topology{Leadership: engine.LeadershipLease}
	}
	return engine.Topology{Leadership: engine.LeadershipElected, MemberPorts: []int32{busPort}}
}

// NextMajor is none: a replica need not understand what a primary of another major version sends.
func (Engine) NextMajor(string) string { return "" }

// Locale is empty: Redis compares bytes.
func (Engine) Locale(*v1alpha1.DatabaseClusterSpec) string { return "" }

// Verifier gives the rule by which the server knows a password, "#" and its SHA-256. Redis takes no salt, so equal
// passwords have equal verifiers; AtlasDB's own are random, and nobody finds those by trying.
func (Engine) Verifier(_, _, password string) string { return PasswordRule(password) }

// PasswordRule is the rule by which the server knows a password without being told it.
func PasswordRule(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "#" + hex.EncodeToString(sum[:])
}
