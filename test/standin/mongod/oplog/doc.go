// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package oplog keeps a member's operations log on the disk, and the documents that it amounts to in memory.
//
// It follows "Replica Set Oplog" (mongodb.com/docs/manual/core/replica-set-oplog/): operations are idempotent and in
// one order, that of their optimes. Where MongoDB has its documents in WiredTiger, and an oplog and a journal beside
// them, here the one file is all three: what is not in the log has never been, and taking entries off its end undoes
// them. The log is never cut at its beginning.
//
// Read optime.go and entry.go, then log.go, which is what the server holds; journal.go is the file, documents.go and
// sessions.go are what the entries amount to.
package oplog
