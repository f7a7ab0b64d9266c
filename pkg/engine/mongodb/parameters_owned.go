// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import "github.com/atlasdb/atlasdb/pkg/engine"

// ownedParameters are not the user's to set.
var ownedParameters = engine.Owned{
	"the members' addresses and sockets are AtlasDB's": {
		"net.port", "net.bindip*", "net.ipv6", "net.unixdomainsocket.*", "net.listenbacklog", "net.http*",
		"net.transportlayer", "net.servicexecutor",
	},
	"encryption is AtlasDB's, with its own certificates": {
		"net.tls.*", "net.ssl.*", "tls*", "ssl*", "opensslcipherconfig", "opensslciphersuiteconfig",
	},
	"the users are AtlasDB's, and so is how they log in": {
		"security.*", "authenticationmechanisms", "enablelocalhostauthbypass", "authschemaversion", "scram*", "ldap*",
		"sasl*", "auditlog.*", "clusterauthmode",
	},
	"AtlasDB decides where files are": {
		"storage.dbpath", "storage.directoryperdb", "storage.wiredtiger.engineconfig.directoryforindexes",
		"processmanagement.*", "diagnosticdatacollectiondirectorysizemb",
	},
	"AtlasDB runs the replication": {
		"replication.replsetname", "replication.enablemajorityreadconcern", "replication.secondaryindexprefetch",
		"sharding.*", "initialsync*", "oplogapplication*", "recoverfromoplogasstandalone", "replication.localpingthresholdms",
	},
	"it counts only when a member's data is made, and so would differ between members; " +
		"storage.oplogMinRetentionHours says how long an oplog reaches back": {"replication.oplogsizemb"},
	"spec.durability decides what an acknowledgement waits for": {"writeconcern*", "defaultwriteconcern"},
	"another value can lose or corrupt data": {
		"storage.journal.enabled", "storage.syncperiodsecs", "syncdelay", "storage.engine", "storage.repair",
		"wiredtigerengineruntimeconfig", "storage.wiredtiger.engineconfig.configstring",
		"storage.wiredtiger.collectionconfig.configstring", "storage.wiredtiger.indexconfig.configstring",
		"disablejournal*", "enabletestcommands", "failpoint*",
	},
	"it is spec.mongodb.featureCompatibility that says when features of a new version may be used": {
		"featurecompatibilityversion",
	},
	"the process is the agent's, and its log goes to the container's output": {"systemlog.*", "logpath", "logappend"},
}
