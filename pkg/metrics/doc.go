// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package metrics is what the operator counts, for Prometheus.
//
// Its rules:
//
//   - One registry, made by New and passed on; nothing is registered globally, and client-go's global hooks are left
//     alone: queues get their provider by option and API requests are counted in the HTTP transport.
//   - Every label has few values, known from the code or from flags. The name of a DatabaseCluster is the one
//     exception, and its series come from the informer's cache at scrape time: a deleted cluster has none.
//   - What describes the databases is reported by the leader alone, so that a sum over the replicas of the operator
//     counts each cluster once.
//   - Names begin with "atlasdb_" and follow the Prometheus conventions; metrics_test.go lists every name and label,
//     so a change of this interface shows in a review.
//
// Read metrics.go first. queue.go, requests.go and clusters.go each hold one source.
package metrics
