// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Slots is over how many slots a Redis Cluster spreads its keys.
const Slots = 16384

// Node is a server of a Redis Cluster, as one of its servers sees it.
type Node struct {
	// ID is the server's name for itself, drawn once and kept on its volume. Host is the host that it announces, as in the
	// plan; "" until it has told. Address is where it was seen last.
	ID, Host, Address string
	// Myself says that it is the one that was asked.
	Myself bool
	// Primary says that it is one; else Following is the ID of its primary.
	Primary   bool
	Following string
	// Failed says that a majority of primaries calls it gone, Silent that it does not answer the one that was asked.
	Failed, Silent bool
	// Epoch is the configuration epoch: it grows with each election.
	Epoch int64
	// Slots are those that it owns.
	Slots []int
	// Migrating and Importing are slots that move now, with the ID of the other side. A server tells only of its own.
	Migrating, Importing map[int]string
}

// Well says that a node can be spoken to.
func (n Node) Well() bool { return n.ID != "" && !n.Failed && !n.Silent }

// ParseNodes reads the answer of CLUSTER NODES, a line for each node:
//
//	<id> <address>:<port>@<bus port>,<host> <flags> <primary> <ping> <pong> <epoch> <link> <slot> …
func ParseNodes(text string) ([]Node, error) {
	var nodes []Node
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		n, err := parseNode(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("reading the nodes of the cluster: %w", err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// nodeFields is how many fields come before the slots.
const nodeFields = 8

func parseNode(fields []string) (Node, error) {
	if len(fields) < nodeFields {
		return Node{}, fmt.Errorf("a node has %d fields, want at least %d", len(fields), nodeFields)
	}
	flags := strings.Split(fields[2], ",")
	has := func(flag string) bool { return slices.Contains(flags, flag) }
	address, names, _ := strings.Cut(fields[1], ",")
	host, _, _ := strings.Cut(names, ",") // newer servers tell more after it
	epoch, err := strconv.ParseInt(fields[6], 10, 64)
	if err != nil {
		return Node{}, fmt.Errorf("the epoch of node %s: %w", fields[0], err)
	}
	n := Node{
		ID: fields[0], Host: host, Address: address[:max(0, strings.LastIndex(address, ":"))],
		Myself: has("myself"), Primary: has("master"), Failed: has("fail"), Epoch: epoch,
		Migrating: map[int]string{}, Importing: map[int]string{},
	}
	n.Silent = !n.Myself && (has("handshake") || has("noaddr") || has("fail?") || fields[7] != "connected")
	if fields[3] != "-" {
		n.Following = fields[3]
	}
	for _, field := range fields[nodeFields:] {
		if err := addSlots(&n, field); err != nil {
			return Node{}, fmt.Errorf("the slots of node %s: %w", n.ID, err)
		}
	}
	return n, nil
}

// addSlots reads "7", "7-9", "[7->-<id>]" or "[7-<-<id>]".
func addSlots(n *Node, field string) error {
	if moving, ok := strings.CutPrefix(field, "["); ok {
		return addMoving(n, strings.TrimSuffix(moving, "]"))
	}
	first, last, isRange := strings.Cut(field, "-")
	if !isRange {
		last = first
	}
	from, err := slot(first)
	if err != nil {
		return err
	}
	to, err := slot(last)
	if err != nil {
		return err
	}
	for s := from; s <= to; s++ {
		n.Slots = append(n.Slots, s)
	}
	return nil
}

func addMoving(n *Node, field string) error {
	for arrow, moving := range map[string]map[int]string{"->-": n.Migrating, "-<-": n.Importing} {
		if text, id, ok := strings.Cut(field, arrow); ok {
			s, err := slot(text)
			moving[s] = id
			return err
		}
	}
	return fmt.Errorf("%q is no slot that moves", field)
}

func slot(text string) (int, error) {
	s, err := strconv.Atoi(text)
	if err != nil || s < 0 || s >= Slots {
		return 0, fmt.Errorf("%q is no slot", text)
	}
	return s, nil
}
