// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// InUse tells whether another state folder's instance already has that index on this machine.
func InUse(i instance.Instance) (bool, error) {
	bridge, err := netlink.LinkByName(i.Bridge())
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for bridge %s: %w", i.Bridge(), err)
	}
	return bridge.Attrs().Alias != i.Folder, nil
}

// Up makes whatever of the instance's network is missing and plugs every cable in.
func Up(i instance.Instance) error {
	if err := makeBridge(i); err != nil {
		return err
	}
	if err := control(i).up(i); err != nil {
		return err
	}
	for _, node := range i.EachNode() {
		if err := NodeUp(i, node); err != nil {
			return err
		}
	}
	return hostRoutes(i)
}

// NodeUp makes the node's namespace and cable.
func NodeUp(i instance.Instance, node instance.Node) error { return nodeMember(i, node).up(i) }

// Cut pulls the node's cable: its packets and those for it are lost without an answer.
func Cut(node instance.Node) error { return setLink(node.Port(), netlink.LinkSetDown) }

// Heal plugs the node's cable in again.
func Heal(node instance.Node) error { return setLink(node.Port(), netlink.LinkSetUp) }

// Down removes namespaces, cables, bridge and routes; what is absent already is no error.
func Down(i instance.Instance) error {
	problems := []error{Drop(i.ControlNamespace())}
	for _, node := range i.EachNode() {
		problems = append(problems, Drop(node.Namespace()))
	}
	for _, name := range append(Links(i), i.Bridge()) {
		problems = append(problems, setLink(name, netlink.LinkDel))
	}
	if err := netlink.RouteDel(unreachable(i.Subnet())); err != nil && !errors.Is(err, unix.ESRCH) {
		problems = append(problems, fmt.Errorf("remove route %s: %w", i.Subnet(), err))
	}
	return errors.Join(problems...)
}

// Links lists the bridge's ends of the instance's cables, present or not.
func Links(i instance.Instance) []string {
	names := []string{i.ControlPort()}
	for _, node := range i.EachNode() {
		names = append(names, node.Port())
	}
	return names
}

// makeBridge writes the folder into the link's alias: that is the claim which InUse reads.
func makeBridge(i instance.Instance) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = i.Bridge()
	attributes.Alias = i.Folder
	bridge := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(bridge); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make bridge: %w", err)
	}
	link, err := netlink.LinkByName(i.Bridge())
	if err != nil {
		return fmt.Errorf("find bridge: %w", err)
	}
	if err := netlink.LinkSetAlias(link, i.Folder); err != nil {
		return fmt.Errorf("claim bridge: %w", err)
	}
	address := netip.PrefixFrom(i.HostIP(), i.NodeSubnet().Bits())
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(address)}); err != nil {
		return fmt.Errorf("set bridge address: %w", err)
	}
	return netlink.LinkSetUp(link)
}

// hostRoutes lets programs on the machine reach pods through their nodes and Services through the control plane's
// kube-proxy. The unreachable route stops what matches no pod subnet from taking the machine's default route.
func hostRoutes(i instance.Instance) error {
	routes := []*netlink.Route{unreachable(i.Subnet()), via(i.ServiceSubnet(), i.ControlIP())}
	for _, node := range i.EachNode() {
		routes = append(routes, via(node.PodSubnet(), node.IP()))
	}
	return replaceRoutes(routes)
}

func replaceRoutes(routes []*netlink.Route) error {
	for _, route := range routes {
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("set route %s: %w", route.Dst, err)
		}
	}
	return nil
}

func via(subnet netip.Prefix, gateway netip.Addr) *netlink.Route {
	return &netlink.Route{Dst: ipNet(subnet), Gw: gateway.AsSlice()}
}

func unreachable(subnet netip.Prefix) *netlink.Route {
	return &netlink.Route{Dst: ipNet(subnet), Type: unix.RTN_UNREACHABLE}
}

func ipNet(subnet netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: subnet.Addr().AsSlice(), Mask: net.CIDRMask(subnet.Bits(), subnet.Addr().BitLen())}
}

func setLink(name string, set func(netlink.Link) error) error {
	link, err := netlink.LinkByName(name)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := set(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("change link %s: %w", name, err)
	}
	return nil
}

func isAbsent(err error) bool {
	_, absent := errors.AsType[netlink.LinkNotFoundError](err)
	return absent
}
