// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package health serves /metrics, /healthz and /readyz of a process on one port.
//
// Its rules:
//
//   - /healthz fails only for what a restart mends: the kubelet kills the container for it. A database or an API
//     server that is down is no such thing.
//   - /readyz fails until the process could take over the work at once.
//   - The address is bound before anything else starts, so that a port in use is an error at once and not a probe
//     that fails later.
//   - The server outlives the work: probes and the last scrape are answered while the process drains.
//
// Everything is in server.go.
package health
