// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Place is where a member belongs. A cluster without shards is one group of members, and for everything but names that
// is the same as a cluster of one shard. The members of an ensemble are a group beside the shards.
type Place struct {
	// Component is the member's ensemble; "" for a member of the cluster itself.
	Component string
	// Shard is the index of the member's shard, 0 in a cluster without shards.
	Shard int
	// Ordinal tells the members of a shard apart.
	Ordinal int
}

// Compare orders places by shard, and within it by ordinal; an ensemble comes after the shards.
func (p Place) Compare(other Place) int {
	return cmp.Or(cmp.Compare(p.Component, other.Component), cmp.Compare(p.Shard, other.Shard),
		cmp.Compare(p.Ordinal, other.Ordinal))
}

// Group is the place of a member's shard or ensemble; members of the same one have the same.
func (p Place) Group() Place {
	p.Ordinal = 0
	return p
}

// PlaceOf gives the place of a member; ok is false for a name that MemberName does not give to any member.
func PlaceOf(cluster *v1alpha1.DatabaseCluster, member string) (at Place, ok bool) {
	group := internalName(cluster.Name)
	before := member[:max(0, strings.LastIndex(member, "-"))]
	if component, found := strings.CutPrefix(before, group+"-"); found && isComponent(component) {
		at.Ordinal, ok = number(before, member, MaxEnsemble)
		return Place{Component: component, Ordinal: at.Ordinal}, ok
	}
	if cluster.Spec.Shards != nil {
		if at.Shard, ok = number(group, before, MaxShards); !ok {
			return Place{}, false
		}
		group = before
	}
	if at.Ordinal, ok = number(group, member, MaxMembers); !ok {
		return Place{}, false
	}
	return at, true
}

// isComponent tells the name of an ensemble from the number of a shard. No ensemble is called "db": a member of a
// cluster that is called orders-db looks like that to one that is called orders.
func isComponent(s string) bool {
	return s != "" && s != "db" && strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}

// Ordinal gives the ordinal of a member of a cluster without shards; ok is false for a name that is no member's.
func Ordinal(cluster, member string) (ordinal int, ok bool) {
	return number(internalName(cluster), member, MaxMembers)
}

// number is the inverse of numbered, for numbers below a bound.
func number(name, numberedName string, bound int) (n int, ok bool) {
	digits, found := strings.CutPrefix(numberedName, name+"-")
	n, err := strconv.Atoi(digits)
	// Comparing with the name made again refuses "-07" and "-+7", which would be second names of one member.
	if !found || err != nil || n < 0 || n >= bound || numberedName != numbered(name, n) {
		return 0, false
	}
	return n, true
}

// PossibleShards is how many groups of members a cluster can ever have.
func PossibleShards(cluster *v1alpha1.DatabaseCluster) int {
	if cluster.Spec.Shards == nil {
		return 1
	}
	return MaxShards
}

// Shards is how many groups of members a cluster has by its spec; 1 without shards.
func Shards(cluster *v1alpha1.DatabaseCluster) int {
	if cluster.Spec.Shards == nil {
		return 1
	}
	return int(*cluster.Spec.Shards)
}
