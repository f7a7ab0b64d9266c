// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
)

const (
	// MaxInstances is how many instances fit into the address range side by side.
	MaxInstances = 16
	// MaxNodes is how many nodes an instance can have: their pod subnets share a /20 with the node subnet.
	MaxNodes = 15
)

// ErrInvalid is wrapped by every error about a value that the user chose.
var ErrInvalid = errors.New("invalid instance")

// namePattern leaves the dash out, so that "localkube-NAME-" never is a prefix of another instance's names.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

// Instance is one cluster's identity.
type Instance struct {
	// Name tells instances apart for people.
	Name string `json:"name"`
	// Index tells them apart for the kernel: addresses, links and control groups derive from it.
	Index int `json:"index"`
	// Nodes is the number of nodes, numbered from 1.
	Nodes int `json:"nodes"`
	// Folder holds everything that the instance writes; `down` removes it.
	Folder string `json:"-"`
}

// New returns the instance of that name below stateRoot, with an index not yet chosen.
func New(stateRoot, name string, nodes int) (Instance, error) {
	if !namePattern.MatchString(name) {
		return Instance{}, fmt.Errorf("%w: name %q must match %s", ErrInvalid, name, namePattern)
	}
	if nodes < 1 || nodes > MaxNodes {
		return Instance{}, fmt.Errorf("%w: %d nodes, must be 1 to %d", ErrInvalid, nodes, MaxNodes)
	}
	folder, err := filepath.Abs(filepath.Join(stateRoot, name))
	if err != nil {
		return Instance{}, fmt.Errorf("%w: state folder: %w", ErrInvalid, err)
	}
	return Instance{Name: name, Nodes: nodes, Folder: folder}, nil
}

// Network is the name of the instance's container network, a prefix of the files that CNI keeps outside the folder.
func (i Instance) Network() string { return "localkube-" + i.Name + "-" }

// Node returns the n-th node; n starts at 1.
func (i Instance) Node(n int) Node { return Node{instance: i, number: n} }

// EachNode returns all nodes in order.
func (i Instance) EachNode() []Node {
	nodes := make([]Node, 0, i.Nodes)
	for n := range i.Nodes {
		nodes = append(nodes, i.Node(n+1))
	}
	return nodes
}

// FindNode returns the n-th node, or an error wrapping ErrInvalid when the instance has no such node.
func (i Instance) FindNode(n int) (Node, error) {
	if n < 1 || n > i.Nodes {
		return Node{}, fmt.Errorf("%w: no node %d, there are 1 to %d", ErrInvalid, n, i.Nodes)
	}
	return i.Node(n), nil
}

// Node is one node of an instance.
type Node struct {
	instance Instance
	number   int
}

// Number counts from 1.
func (n Node) Number() int { return n.number }

// Name is the Kubernetes name of the node.
func (n Node) Name() string { return fmt.Sprintf("node-%d", n.number) }

// Zone is the failure zone that the node is labelled with: one each, so that spreading over zones can be tested.
func (n Node) Zone() string { return fmt.Sprintf("zone-%d", n.number) }

// Network is the name of the node's container network.
func (n Node) Network() string { return n.instance.Network() + n.Name() }
