// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package redis is the pure half of AtlasDB's Redis, and of Valkey, which is the same to it: which specs are good, how a
// member is configured, and what its users may do. The driver that speaks to the server is pkg/agent/redis.
package redis
