// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// Node is what the templates of a node read.
type Node struct {
	instance.Node
	Cluster instance.Instance
}

// Proxy is what kube-proxy's template reads.
type Proxy struct {
	// Name is the node that it takes itself to be on.
	Name    string
	Cluster instance.Instance
	// MasqueradeAll hides the client's address from the pod.
	MasqueradeAll bool
}

// Containerd is what containerd's template reads: a node's, or the one that unpacks images into the cache.
type Containerd struct {
	// Root survives a restart, State does not.
	Root, State string
	// Socket is where it listens.
	Socket string
	// CNI is the folder of its network configuration.
	CNI string
	// ShimGroup is the control group for shims; empty leaves them in containerd's own.
	ShimGroup string
}
