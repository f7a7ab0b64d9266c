// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster brings an instance up, breaks it as told, and takes it down without a trace.
//
// Read cluster.go, then up.go, control.go, node.go and down.go.
package cluster
