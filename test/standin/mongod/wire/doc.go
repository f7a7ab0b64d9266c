// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package wire frames commands and replies as MongoDB does: OP_MSG, and OP_QUERY for a client's first hello.
//
// It follows "MongoDB Wire Protocol" (mongodb.com/docs/manual/reference/mongodb-wire-protocol/) and, for replies that
// come without a request each, the driver specification "OP_MSG" (exhaustAllowed and moreToCome). Messages are never
// compressed, as the server agrees to no compressor.
//
// Read message.go for what a server reads and writes, then client.go for how members ask each other.
package wire
