// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package clickhouse is the pure half of AtlasDB's ClickHouse: which specs are good, how a member and a keeper are
// configured, and what they do next. The driver that speaks to the server is pkg/agent/clickhouse.
//
// Read engine.go, dialect.go and config.go in this order.
package clickhouse
