// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Engine is what a database engine must provide to the operator; all of it is pure. The other half of an engine, the
// driver that speaks to the running server, lives in pkg/agent/<engine>.
type Engine interface {
	Nature
	// Validate judges what the schema of the API cannot: values that depend on each other or on the engine's own
	// rules. Each error names the field, its value and what is allowed. An empty list means that Configure will
	// succeed. What an engine may be asked for and AtlasDB does not do is of the type field.ErrorTypeNotSupported.
	Validate(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList
	// Configure renders the configuration files of a member, by file name, from a spec that Validate found good. The
	// same files go to every member; what differs between members is the agent's part.
	Configure(spec *v1alpha1.DatabaseClusterSpec, build string) map[string]string
	// NextMajor is the next major version to which members go in place, one after the other, from a build: "8.0" from
	// "7.0.24". "" for a build that no other major version can be reached from so.
	NextMajor(build string) string
	// Verifier proves a user's password without containing it, in the engine's own form. It is the same for the same
	// input, so that an unchanged login never changes the plan: the salt is derived from the cluster's UID and the user,
	// which makes it unique, and a salt need not be secret.
	Verifier(clusterUID, user, password string) string
}

// Nature is what an engine is, and what it is in a cluster of a spec.
type Nature interface {
	// Traits are the fixed facts of the engine.
	Traits() Traits
	// Topology says how the members of a cluster of this spec work together. The API fills in the defaults of a block that
	// is there; of one that is not, such as spec.clickhouse, they are the engine's to know.
	Topology(spec *v1alpha1.DatabaseClusterSpec) Topology
	// Locale is the locale in which new data is made; "" for an engine whose data has none.
	Locale(spec *v1alpha1.DatabaseClusterSpec) string
}

// Traits are the fixed facts of an engine.
type Traits struct {
	// Type is the engine's name in the API.
	Type v1alpha1.EngineType
	// Provider is the value of the key "provider" and, as type, of the key "type" of the Service Binding Secret.
	Provider string
	// URIScheme is the scheme of the connection URI in the Service Binding Secret.
	URIScheme string
	// URIOptions are the query of that URI: what makes a client of this engine encrypt.
	URIOptions string
	// URIMembers says that this URI names every member, for clients that find the primary by themselves; else it names the
	// Service of the primary.
	URIMembers bool
	// Database is the database that the application's login leads to, and that the primary makes; "" for an engine that
	// has no databases by name.
	Database string
	// ClientPort is the port for clients and for replication.
	ClientPort int32
	// ClientPorts are further ports for clients, in protocols beside the one of ClientPort.
	ClientPorts []Port
	// ReplicationLogin is the name in the certificate that members show to each other, and the login that it opens.
	ReplicationLogin string
	// ReplicationPassword says that a certificate is not enough for that login: the members then share a password too,
	// which stands in the Secret that only they mount (resource.ReplicationPasswordKey) and never in the plan.
	ReplicationPassword bool
	// DataSubdirectory is the folder of the volume, made and checked by the agent, that holds the engine's data.
	DataSubdirectory string
}

// Port is a port with a name, as Services and pods have it.
type Port struct {
	// Name is at most 15 lower-case letters, digits and '-', and not "client", "metrics" or "peer".
	Name   string
	Number int32
}
