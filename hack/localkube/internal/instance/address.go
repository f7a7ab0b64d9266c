// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"fmt"
	"net/netip"
)

// The hosts of the node subnet. The pod subnet of node N is the N-th /24 after it.
const (
	hostHost    = 1
	controlHost = 2
	nodeHost    = 10 // plus the node's number
)

// Subnet covers the instance's nodes and pods.
func (i Instance) Subnet() netip.Prefix { return netip.PrefixFrom(i.address(18, 0, 0), 20) }

// NodeSubnet is where the nodes, the control plane and the host meet.
func (i Instance) NodeSubnet() netip.Prefix { return netip.PrefixFrom(i.address(18, 0, 0), 24) }

// ServiceSubnet is where Services get their cluster addresses from.
func (i Instance) ServiceSubnet() netip.Prefix { return netip.PrefixFrom(i.address(19, 0, 0), 20) }

// HostIP is the machine's own address on the instance's bridge.
func (i Instance) HostIP() netip.Addr { return i.address(18, 0, hostHost) }

// ControlIP is the address of the API server and of the cluster DNS.
func (i Instance) ControlIP() netip.Addr { return i.address(18, 0, controlHost) }

// APIServiceIP is the cluster address of the Service "kubernetes".
func (i Instance) APIServiceIP() netip.Addr { return i.ServiceSubnet().Addr().Next() }

// IP is the node's address.
func (n Node) IP() netip.Addr { return n.instance.address(18, 0, byte(nodeHost+n.number)) }

// PodSubnet is where the node's pods get their addresses from. It must not overlap the node subnet:
// traffic between nodes then fails without an error.
func (n Node) PodSubnet() netip.Prefix {
	return netip.PrefixFrom(n.instance.address(18, byte(n.number), 0), 24)
}

func (i Instance) address(second, third, fourth byte) netip.Addr {
	return netip.AddrFrom4([4]byte{198, second, byte(16*i.Index) + third, fourth})
}

// Bridge is the machine's link that the instance's cables end in.
func (i Instance) Bridge() string { return fmt.Sprintf("lk%d", i.Index) }

// ControlPort is the bridge's end of the control plane's cable.
func (i Instance) ControlPort() string { return i.Bridge() + "c" }

// Port is the bridge's end of the node's cable.
func (n Node) Port() string { return fmt.Sprintf("%sn%d", n.instance.Bridge(), n.number) }
