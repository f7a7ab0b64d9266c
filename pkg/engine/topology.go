// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Topology says how the members of a cluster work together. An engine may have more than one: the members of a Redis
// with shards vote among themselves, those of one without have the Lease.
type Topology struct {
	// Leadership is who may write, and how that is found out. It depends on nothing that can change in a cluster that is
	// there.
	Leadership Leadership
	// MemberPorts are ports, beside those for clients, at which the servers of the members reach each other.
	MemberPorts []int32
	// Ensemble are the servers that keep the members' consensus; nil for an engine that never has any. Whether there is
	// one depends on nothing that can change either; how many it has may.
	Ensemble *Ensemble
	// AbandonShards says that a shard that leaves need not give its data to the others: the spec says that it may go.
	AbandonShards bool
}

// Leadership is how it is found out who accepts writes.
type Leadership int

const (
	// LeadershipLease is one primary, which holds the cluster's Lease.
	LeadershipLease Leadership = iota
	// LeadershipElected is one primary in each shard, which the engine elects by itself. The members report what came of
	// it, and there is no Lease.
	LeadershipElected
	// LeadershipNone is nobody: every member that is ready accepts writes. There is no primary, no Lease and nothing to
	// hand over; every member that serves is a replica.
	LeadershipNone
)

// Ensemble are the servers that keep the consensus of an engine that has it in processes of its own (the word is
// ZooKeeper's). They have pods and volumes like members, and elect a leader by themselves; no client reaches them.
type Ensemble struct {
	// Component is the value of the label atlasdb.io/component and part of the names: "keeper" makes orders-db-keeper-0.
	// Lower-case letters only.
	Component string
	// Needed says that the members cannot do without. An ensemble that is there stays when it is needed no more: what
	// the members once put there they go on to look for.
	Needed bool
	// Members is how many there are: an odd number, at most resource.MaxEnsemble.
	Members int
	// Storage is the capacity of the volume of each, Resources what each gets.
	Storage   resource.Quantity
	Resources v1alpha1.ResourcesSpec
	// Ports are those at which they are reached, by the pods of their own cluster only.
	Ports []int32
}

// Quorum is how many of the ensemble must be there for the members to accept writes.
func (e Ensemble) Quorum() int { return e.Members/2 + 1 }
