// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Names of the plan's files.
const (
	// ConfigFile holds the options that the server is started with, the same for every member. Configure renders it.
	ConfigFile = "mongod.conf"
	// UpgradeFile holds what the agents need for raising the feature compatibility version (Upgrade).
	UpgradeFile = "upgrade.json"
)

// Where a member has its configuration, what nobody else may read, and its data.
const (
	// RunDirectory is where the agent writes what the server is started with. It is no volume.
	RunDirectory = resource.RunMountPath + "/mongodb"
	// ConfigPath is the server's own copy of ConfigFile.
	ConfigPath = RunDirectory + "/" + ConfigFile
	// KeyFilePath is what members prove to each other with (KeyFile); the server wants it readable by nobody else.
	KeyFilePath = RunDirectory + "/keyfile"
	// CertificatePath holds the private key and the certificate that the server shows to clients, one after the other, as
	// the server wants them; ClientCertificatePath those that it shows to other members when it is the client.
	CertificatePath       = RunDirectory + "/server.pem"
	ClientCertificatePath = RunDirectory + "/client.pem"
	// CAPath is the authority of the cluster, as it is mounted.
	CAPath = resource.TLSMountPath + "/" + resource.CACertKey
	// DataDirectory is the server's dbPath.
	DataDirectory = resource.DataMountPath + "/" + dataSubdirectory

	dataSubdirectory = "mongodb"
)

const (
	// ClientPort is the port of mongod, for clients, for replication and for votes, always with TLS.
	ClientPort = 27017
	// ReplicaSetName is the name of every cluster's set: what tells sets apart is their identity, not their name.
	ReplicaSetName = "rs0"
	// Database is the database that the application's login leads to.
	Database = "app"
	// AuthDatabase is where users are kept and log in.
	AuthDatabase = "admin"
	// MemberUser is who members are to each other, and the agent to every server. Its password is what is in the keyfile,
	// and no document of the set's data tells of it.
	MemberUser = "__system"
	// MemberDatabase is where MemberUser logs in.
	MemberDatabase = "local"
	// certificateName is the name in the certificates that members show to each other's agents.
	certificateName = "atlasdb_member"
)

var _ engine.Engine = Engine{}

// Engine is MongoDB as the operator sees it. It has no state.
type Engine struct{}

// Traits are the fixed facts of MongoDB.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Type:                v1alpha1.EngineMongoDB,
		Provider:            "mongodb",
		URIScheme:           "mongodb",
		URIOptions:          "authSource=" + AuthDatabase + "&replicaSet=" + ReplicaSetName + "&tls=true",
		URIMembers:          true,
		Database:            Database,
		ClientPort:          ClientPort,
		ReplicationLogin:    certificateName,
		ReplicationPassword: true,
		DataSubdirectory:    dataSubdirectory,
	}
}

// Topology of MongoDB is a replica set, whose members vote by themselves over the port that clients use too.
func (Engine) Topology(*v1alpha1.DatabaseClusterSpec) engine.Topology {
	return engine.Topology{Leadership: engine.LeadershipElected}
}

// NextMajor is the series after that of a build.
func (Engine) NextMajor(build string) string {
	of, known := SeriesOf(build)
	if next := slices.Index(series, of) + 1; known && next < len(series) {
		return series[next]
	}
	return ""
}

// Locale is empty: MongoDB compares bytes until a collection or a query asks for a collation.
func (Engine) Locale(*v1alpha1.DatabaseClusterSpec) string { return "" }

// Verifier gives the credential of a login as JSON (Credential). The salt comes from the cluster and the user, so that
// the same login gives the same plan, and equal passwords in two clusters give different verifiers.
func (Engine) Verifier(clusterUID, user, password string) string {
	salt := sha256.Sum256([]byte(clusterUID + "\x00" + user))
	return CredentialOf(password, salt[:scramSaltBytes]).String()
}

// KeyFile is the content of the keyfile, from what the members share. A keyfile has 6 to 1024 characters of base64
// (https://www.mongodb.com/docs/manual/core/security-internal-authentication/); hexadecimal digits are such. It is also
// the password of MemberUser.
func KeyFile(shared string) string {
	sum := sha256.Sum256([]byte(shared))
	return hex.EncodeToString(sum[:])
}
