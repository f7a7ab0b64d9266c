// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import "math"

// parameter is one that is the user's to set.
type parameter struct {
	// read gives a value as the server takes it, or says what is allowed.
	read func(value string) (any, error)
	// restart says that a running server does not take another value.
	restart bool
}

// parameters are all that a user may set: a server with an option that it does not know, or with a value that it cannot
// read, does not start. Each is known to all versions that AtlasDB runs.
//
// Names without a dot are server parameters (https://www.mongodb.com/docs/manual/reference/parameters/), which says of
// each whether it is taken over at runtime. Names with a dot are options of the configuration file
// (https://www.mongodb.com/docs/manual/reference/configuration-options/), which only a start reads.
var parameters = map[string]parameter{
	// Cursors, sessions, transactions.
	"cursorTimeoutMillis":                    {read: integer(1, math.MaxInt32)},
	"transactionLifetimeLimitSeconds":        {read: integer(1, math.MaxInt32)},
	"maxTransactionLockRequestTimeoutMillis": {read: integer(-1, math.MaxInt32)},
	"localLogicalSessionTimeoutMinutes":      {read: integer(1, math.MaxInt32), restart: true},
	"minSnapshotHistoryWindowInSeconds":      {read: integer(0, math.MaxInt32)},

	// Queries and indexes.
	"notablescan":                       {read: boolean},
	"allowDiskUseByDefault":             {read: boolean},
	"maxIndexBuildMemoryUsageMegabytes": {read: integer(50, math.MaxInt32)},
	"ttlMonitorEnabled":                 {read: boolean},

	// Replication, as far as it only costs time.
	"enableFlowControl":              {read: boolean},
	"flowControlTargetLagSeconds":    {read: integer(1, math.MaxInt32)},
	"replWriterThreadCount":          {read: integer(1, 256), restart: true},
	"storage.oplogMinRetentionHours": {read: decimal(0, 24*365), restart: true},

	// What the server tells of itself.
	"logLevel":                             {read: integer(0, 5)},
	"quiet":                                {read: boolean},
	"diagnosticDataCollectionEnabled":      {read: boolean},
	"diagnosticDataCollectionPeriodMillis": {read: integer(100, math.MaxInt32)},
	"operationProfiling.mode":              {read: choice("off", "slowOp", "all"), restart: true},
	"operationProfiling.slowOpThresholdMs": {read: integer(0, math.MaxInt32), restart: true},
	"operationProfiling.slowOpSampleRate":  {read: decimal(0, 1), restart: true},

	// Clients and code.
	"net.maxIncomingConnections": {read: integer(10, 1000000), restart: true},
	"security.javascriptEnabled": {read: boolean, restart: true},

	// The storage engine.
	cacheSize: {read: decimal(leastCache, 10000), restart: true}, // validate.go holds it against what the member has
	"storage.wiredTiger.engineConfig.journalCompressor":    {read: compressor, restart: true},
	"storage.wiredTiger.engineConfig.zstdCompressionLevel": {read: integer(1, 22), restart: true},
	"storage.wiredTiger.collectionConfig.blockCompressor":  {read: compressor, restart: true},
	"storage.wiredTiger.indexConfig.prefixCompression":     {read: boolean, restart: true},
	"storage.journal.commitIntervalMs":                     {read: integer(1, 500), restart: true},
}

func compressor(value string) (any, error) { return choice("none", "snappy", "zlib", "zstd")(value) }
