// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package network lays the cables: one bridge on the machine, and one network namespace with one cable to that bridge
// for the control plane and for each node. Nothing has a default route and the instance's subnets are unreachable
// beyond the bridge, so that no packet of an instance ever leaves the machine.
//
// Namespaces are kept by files in the instance's folder and not in /run/netns: the first `ip netns add` on a machine
// mounts /run/netns over itself, which hides what was there and leaves pods hanging in Terminating.
//
// Read namespace.go, then machine.go and member.go.
package network
