// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"crypto/sha256"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Names of the files that Configure renders.
const (
	// ConfigFile holds the settings that all members share, in the syntax of postgresql.conf.
	ConfigFile = "atlasdb.conf"
	// HBAFile says who may log in, and how (pg_hba.conf).
	HBAFile = "pg_hba.conf"
)

// Logins that AtlasDB itself uses. Neither has a password.
const (
	// SuperUser is the superuser. It logs in over the local socket alone.
	SuperUser = "postgres"
	// ReplicationUser is what members are to each other. It logs in with the members' client certificate.
	ReplicationUser = "atlasdb_replication"
)

// SocketDirectory is where the server's local socket is.
const SocketDirectory = resource.RunMountPath + "/postgresql"

// clientPort is the port of PostgreSQL, for clients and for replication.
const clientPort = 5432

// uriOptions ask for encryption without naming a file with the authority's certificate: only the application knows
// where it keeps that, and libpq refuses `verify-full` without one. An application that verifies the server, as it
// should, writes the certificate of its binding to a file and adds `sslmode=verify-full` and `sslrootcert`.
const uriOptions = "sslmode=require"

var _ engine.Engine = Engine{}

// Engine is PostgreSQL as the operator sees it. It has no state.
type Engine struct{}

// Traits are the fixed facts of PostgreSQL.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Type:             v1alpha1.EnginePostgreSQL,
		Provider:         "postgresql",
		URIScheme:        "postgresql",
		URIOptions:       uriOptions,
		Database:         "app",
		ClientPort:       clientPort,
		ReplicationLogin: ReplicationUser,
		DataSubdirectory: "pgdata",
	}
}

// Topology of PostgreSQL is always the same: it has no election of its own.
func (Engine) Topology(*v1alpha1.DatabaseClusterSpec) engine.Topology {
	return engine.Topology{Leadership: engine.LeadershipLease}
}

// NextMajor is none: another major version does not read the data directory.
func (Engine) NextMajor(string) string { return "" }

// Locale is what initdb is told. An object that came without the block of PostgreSQL has no say: initdb then takes the
// locale of its environment.
func (Engine) Locale(spec *v1alpha1.DatabaseClusterSpec) string {
	if spec.PostgreSQL == nil {
		return ""
	}
	return spec.PostgreSQL.Locale
}

// Verifier gives the SCRAM verifier of a password. The salt comes from the cluster and the user, so that the same login
// gives the same plan, and equal passwords in two clusters give different verifiers.
func (Engine) Verifier(clusterUID, user, password string) string {
	salt := sha256.Sum256([]byte(clusterUID + "\x00" + user))
	return ScramVerifier(password, salt[:scramSaltBytes])
}
