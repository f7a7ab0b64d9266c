// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
)

func TestNewRefusesWhatCannotBeNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		nodes int
		valid bool
	}{
		{"dev", 3, true}, {"ci2", 1, true}, {"a", MaxNodes, true},
		{"", 3, false}, {"Dev", 3, false}, {"a-b", 3, false}, {"../x", 3, false}, {"2ci", 3, false},
		{"dev", 0, false}, {"dev", MaxNodes + 1, false},
	} {
		_, err := New("/state", test.name, test.nodes)
		if valid := err == nil; valid != test.valid || !valid && !errors.Is(err, ErrInvalid) {
			t.Errorf("New(%q, %d): %v, want valid %t", test.name, test.nodes, err, test.valid)
		}
	}
}

// Every address that any instance can use lies in the range that is set aside, and no two subnets overlap.
func TestAddressesAreDisjointAndConfined(t *testing.T) {
	t.Parallel()
	confines := netip.MustParsePrefix("198.18.0.0/15")
	var subnets []netip.Prefix
	for index := range MaxInstances {
		i := Instance{Index: index, Nodes: MaxNodes}
		subnets = append(subnets, i.NodeSubnet(), i.ServiceSubnet())
		for _, node := range i.EachNode() {
			subnets = append(subnets, node.PodSubnet())
			if !i.Subnet().Overlaps(node.PodSubnet()) {
				t.Errorf("pods %s are outside of %s", node.PodSubnet(), i.Subnet())
			}
			if !i.NodeSubnet().Contains(node.IP()) {
				t.Errorf("%s of instance %d has %s", node.Name(), index, node.IP())
			}
		}
	}
	for at, subnet := range subnets {
		if !confines.Contains(subnet.Addr()) || subnet.Masked() != subnet {
			t.Errorf("subnet %s is not in %s or not a subnet", subnet, confines)
		}
		for _, other := range subnets[at+1:] {
			if subnet.Overlaps(other) {
				t.Errorf("subnets %s and %s overlap", subnet, other)
			}
		}
	}
}

func TestAddressesOfOneInstance(t *testing.T) {
	t.Parallel()
	i := Instance{Index: 2, Nodes: 3}
	for want, got := range map[string]string{
		"198.18.32.0/20": i.Subnet().String(), "198.18.32.0/24": i.NodeSubnet().String(),
		"198.19.32.0/20": i.ServiceSubnet().String(), "198.19.32.1": i.APIServiceIP().String(),
		"198.18.32.1": i.HostIP().String(), "198.18.32.2": i.ControlIP().String(),
		"198.18.32.13": i.Node(3).IP().String(), "198.18.35.0/24": i.Node(3).PodSubnet().String(),
		"lk2": i.Bridge(), "lk2c": i.ControlPort(), "lk2n3": i.Node(3).Port(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The kernel takes 15 characters for the name of a link.
func TestLinkNamesFitTheKernel(t *testing.T) {
	t.Parallel()
	i := Instance{Index: MaxInstances - 1, Nodes: MaxNodes}
	for _, name := range []string{i.Bridge(), i.ControlPort(), i.Node(MaxNodes).Port()} {
		if len(name) > 15 {
			t.Errorf("link name %s is too long", name)
		}
	}
}

func TestClaimTakesTheFirstFreeIndexAndKeepsIt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	claim := func(name string, nodes int) (Instance, error) {
		wanted, err := New(root, name, nodes)
		if err != nil {
			t.Fatal(err)
		}
		// Index 0 belongs to somebody else's state root.
		return Claim(wanted, func(i Instance) (bool, error) { return i.Index == 0, nil })
	}
	for _, test := range []struct {
		name string
		want int
	}{{"dev", 1}, {"ci", 2}, {"dev", 1}} {
		got, err := claim(test.name, 3)
		if err != nil || got.Index != test.want || got.Folder != filepath.Join(root, test.name) {
			t.Errorf("claim %s: %+v, %v, want index %d", test.name, got, err, test.want)
		}
	}
	if _, err := claim("dev", 5); !errors.Is(err, ErrInvalid) {
		t.Errorf("another number of nodes: %v, want %v", err, ErrInvalid)
	}
}

func TestClaimFailsWhenAllAreInUse(t *testing.T) {
	t.Parallel()
	wanted, err := New(t.TempDir(), "dev", 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(wanted, func(Instance) (bool, error) { return true, nil }); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v, want %v", err, ErrInvalid)
	}
}

func TestFindNode(t *testing.T) {
	t.Parallel()
	i := Instance{Nodes: 3}
	for n, valid := range map[int]bool{0: false, 1: true, 3: true, 4: false} {
		if _, err := i.FindNode(n); (err == nil) != valid {
			t.Errorf("FindNode(%d): %v, want valid %t", n, err, valid)
		}
	}
}
