// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Quote writes the name of a database, table or column as it stands in a statement, whatever it holds.
func Quote(identifier string) string { return "`" + escaped(identifier) + "`" }

// Text writes a text as it stands in a statement, whatever it holds.
func Text(value string) string { return "'" + escaped(value) + "'" }

// escaped is for both: the server's lexer takes a backslash for an escape between any quotes.
func escaped(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "'", `\'`, "`", "\\`", "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\t", `\t`,
	).Replace(text)
}

// CreateDatabase makes a database of the plan where it is not there yet. One that is shared brings its tables to every
// member by itself.
func CreateDatabase(name string, shared bool) string {
	statement := "CREATE DATABASE IF NOT EXISTS " + Quote(name)
	if shared {
		statement += " ENGINE = Replicated(" + Text(sharedDatabases+"{"+MacroCluster+"}/"+name) +
			", '{" + MacroShard + "}', '{" + MacroReplica + "}')"
	}
	return statement
}

// sharedDatabases is where the keepers' tree has those that are shared.
const sharedDatabases = "/clickhouse/databases/"

// DatabasePath is where the keepers' tree has a shared database of a plan.
func DatabasePath(plan engine.Plan, name string) string {
	return sharedDatabases + plan.Cluster + "/" + name
}

// DropDatabaseReplica forgets that a member which is gone had a shared database.
func DropDatabaseReplica(path string, owner PathOwner) string {
	return "SYSTEM DROP DATABASE REPLICA " + Text(owner.Name) + " FROM SHARD " + Text(strconv.Itoa(owner.Shard)) +
		" FROM ZKPATH " + Text(path)
}

// SharesDatabases says whether the databases of a plan are to be shared: the version can, and there are keepers.
func SharesDatabases(plan engine.Plan) bool {
	d, _ := DialectOf(plan.Build)
	return d.ReplicatedDatabases && len(plan.Ensemble()) > 0
}

// DropReplica forgets a replica that is gone, in a version that knows the statement. It touches no data of a server.
func DropReplica(path, replica string) string {
	return "SYSTEM DROP REPLICA " + Text(replica) + " FROM ZKPATH " + Text(path)
}
