// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chdb

package clickhouse

// emitted are statements that AtlasDB says to a server of a current version, with names that need quotes.
func emitted() []string {
	const odd = "it's `odd` \\ \n"
	return []string{
		CreateDatabase(odd, false), CreateDatabase(Database, true), DropReplica("/clickhouse/tables/a", odd),
		"SELECT " + Text(odd) + " FROM " + Quote(odd) + "." + Quote(odd),
	}
}
