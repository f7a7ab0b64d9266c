// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// cableName is the link's name inside the namespace, as a real node would call it.
const cableName = "eth0"

// member is a namespace with a cable to the bridge.
type member struct {
	namespace string
	port      string
	address   netip.Addr
	// services must have a route although no link leads there: the kernel looks for one before kube-proxy's rules
	// give the packet its real destination, and refuses a Service without endpoints after that look.
	services netip.Prefix
	// routes are the ways to the other nodes' pods.
	routes []*netlink.Route
}

func control(i instance.Instance) member {
	m := member{
		namespace: i.ControlNamespace(), port: i.ControlPort(), address: i.ControlIP(), services: i.ServiceSubnet(),
	}
	for _, node := range i.EachNode() {
		m.routes = append(m.routes, via(node.PodSubnet(), node.IP()))
	}
	return m
}

func nodeMember(i instance.Instance, node instance.Node) member {
	m := member{namespace: node.Namespace(), port: node.Port(), address: node.IP(), services: i.ServiceSubnet()}
	for _, other := range i.EachNode() {
		if other.Number() != node.Number() {
			m.routes = append(m.routes, via(other.PodSubnet(), other.IP()))
		}
	}
	return m
}

func (m member) up(i instance.Instance) error {
	if err := keep(m.namespace); err != nil {
		return err
	}
	if err := m.layCable(i.Bridge()); err != nil {
		return fmt.Errorf("cable %s: %w", m.port, err)
	}
	return within(m.namespace, func() error {
		if err := m.configure(i.NodeSubnet().Bits()); err != nil {
			return fmt.Errorf("network of %s: %w", m.namespace, err)
		}
		return nil
	})
}

func (m member) layCable(bridge string) error {
	if port, err := netlink.LinkByName(m.port); err == nil {
		return netlink.LinkSetUp(port)
	}
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	namespace, err := os.Open(m.namespace)
	if err != nil {
		return err
	}
	defer namespace.Close() //nolint:errcheck // only read
	attributes := netlink.NewLinkAttrs()
	attributes.Name = m.port
	attributes.MasterIndex = master.Attrs().Index
	cable := &netlink.Veth{
		LinkAttrs: attributes, PeerName: cableName, PeerNamespace: netlink.NsFd(int(namespace.Fd())),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	port, err := netlink.LinkByName(m.port)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(port)
}

// configure runs inside the namespace.
func (m member) configure(bits int) error {
	for _, name := range []string{"lo", cableName} {
		if err := setLink(name, netlink.LinkSetUp); err != nil {
			return err
		}
	}
	cable, err := netlink.LinkByName(cableName)
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(m.address, bits))}
	if err := netlink.AddrReplace(cable, address); err != nil {
		return err
	}
	// The kernel's default differs between machines; without it no pod reaches another node.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	toServices := &netlink.Route{
		Dst: ipNet(m.services), LinkIndex: cable.Attrs().Index, Scope: netlink.SCOPE_LINK,
	}
	return replaceRoutes(append(m.routes, toServices))
}
