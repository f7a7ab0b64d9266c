// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Protocol is the version of Plan and MemberReport. Operator and agent understand N and N-1: a pod keeps the agent it
// was born with, so an operator meets the agents of the release before its own.
const Protocol = 1

// MaxPlanBytes is the largest plan that the operator writes. A Secret may have 1 MiB; half of it leaves room for
// metadata and for the growth of a plan between two releases.
const MaxPlanBytes = 512 << 10

// Keys of the plan Secret.
const (
	// PlanKey holds the plan as canonical JSON.
	PlanKey = "plan.json"
)

// Plan is all that the operator tells the agents of one cluster. Every agent reads the same plan and finds its own part
// by its member name.
//
// A plan holds no plaintext password, and nothing that changes without a meaning: each change of a plan is a change
// that every agent carries out and confirms.
type Plan struct {
	// Protocol is the version of this structure.
	Protocol int `json:"protocol"`
	// ClusterUID is the UID of the DatabaseCluster. An agent refuses a plan of another UID than that of its volume's
	// cluster only through SystemID; the UID tells generations of different objects apart.
	ClusterUID string `json:"clusterUID"`
	// Generation is the metadata.generation of the DatabaseCluster that the plan carries out. An agent refuses a lower
	// one of the same ClusterUID.
	Generation int64 `json:"generation"`
	// Namespace and Cluster name the DatabaseCluster.
	Namespace string `json:"namespace"`
	Cluster   string `json:"cluster"`
	// Engine and Build are the engine and its version.
	Engine v1alpha1.EngineType `json:"engine"`
	Build  string              `json:"build"`
	// SystemID is the identity of the data, empty until the data is born. A member whose data has another is refused.
	SystemID string `json:"systemID,omitempty"`
	// Initialiser is the one member that may make new data; empty when nobody may (PROTOCOL I10).
	Initialiser string `json:"initialiser,omitempty"`
	// RetainedMembers are the members whose volume was kept from a former cluster of this name, while the system ID is
	// not known yet. The first primary is chosen among them, and only when every one has reported its position.
	RetainedMembers []string `json:"retainedMembers,omitempty"`
	// Shards is over how many shards the data is spread; 0 when the cluster has none. Members of a shard beyond it are
	// there until their data is with the others (Leaving).
	Shards int `json:"shards,omitempty"`
	// AbandonShards says that a shard that leaves need not give its data to the others first.
	AbandonShards bool `json:"abandonShards,omitempty"`
	// Members are the members that should exist, by shard and ordinal, and after them those of their ensemble.
	Members []PlanMember `json:"members"`
	// Durability is when a write is acknowledged.
	Durability v1alpha1.Durability `json:"durability"`
	// PowerState says whether the engine runs.
	PowerState v1alpha1.PowerState `json:"powerState"`
	// FencedMembers are members whose engine stays down while their pod runs.
	FencedMembers []string `json:"fencedMembers,omitempty"`
	// Switchover asks a primary to hand over, within its shard; nil when nobody does.
	Switchover *Switchover `json:"switchover,omitempty"`
	// RestartMember is the one member whose engine may restart now, if parameters wait for that.
	RestartMember string `json:"restartMember,omitempty"`
	// Rebuild asks a replica to throw its data away and copy anew; nil when nobody does.
	Rebuild *Rebuild `json:"rebuild,omitempty"`
	// AcceptDataLoss is the UID of the operation by which somebody accepts a primary that is chosen among the members
	// that are there, although others may have newer data; "" when nobody does.
	AcceptDataLoss string `json:"acceptDataLoss,omitempty"`
	// Locale is the locale with which new data is made.
	Locale string `json:"locale,omitempty"`
	// Files are the engine's configuration files, by file name.
	Files map[string]string `json:"files"`
	// Users are the logins that the primary makes and keeps.
	Users []PlanUser `json:"users,omitempty"`
	// Databases are the databases that the primary makes; they are never dropped.
	Databases []PlanDatabase `json:"databases,omitempty"`
}

// Switchover asks the primary From to hand over. It says nothing to any other primary, so it may stay in the plan after
// it is done.
type Switchover struct {
	// ID tells this request from others. A primary that could not hand over does not try the same request again.
	ID string `json:"id"`
	// From is the member that shall not be primary.
	From string `json:"from"`
	// Target is the member that shall be; "" for the most advanced replica.
	Target string `json:"target,omitempty"`
}

// Rebuild asks one replica for a new copy of the primary's data.
type Rebuild struct {
	// ID tells this request from others; each is carried out once.
	ID string `json:"id"`
	// Member is the replica.
	Member string `json:"member"`
}

// PlanMember is one member of a plan.
type PlanMember struct {
	// Name is the name of the member and of its pod.
	Name string `json:"name"`
	// Host is the DNS name of the member, as in its certificate.
	Host string `json:"host"`
	// Component is the member's ensemble; "" for a member of the cluster itself.
	Component string `json:"component,omitempty"`
	// Shard is the member's shard, 0 in a cluster that has none.
	Shard int `json:"shard,omitempty"`
}

// PlanUser is one login.
type PlanUser struct {
	// Name is the login's name.
	Name string `json:"name"`
	// Verifier proves the password without containing it, in the engine's own form.
	Verifier string `json:"verifier"`
}

// PlanDatabase is one database.
type PlanDatabase struct {
	// Name is the database's name.
	Name string `json:"name"`
	// Owner is the login that owns it.
	Owner string `json:"owner"`
}

// EncodePlan gives a plan as canonical JSON, and its hash. Equal plans have equal bytes: struct fields keep their order
// and map keys are sorted.
func EncodePlan(p Plan) (encoded []byte, hash string, err error) {
	encoded, err = json.Marshal(p)
	if err != nil {
		return nil, "", fmt.Errorf("encoding plan of %s/%s: %w", p.Namespace, p.Cluster, err)
	}
	return encoded, HashPlan(encoded), nil
}

// HashPlan gives the hash of an encoded plan, with which agents confirm that they carried it out.
func HashPlan(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

// DecodePlan reads an encoded plan. It refuses a plan of a protocol that this program does not understand.
func DecodePlan(encoded []byte) (Plan, error) {
	var p Plan
	if err := json.Unmarshal(encoded, &p); err != nil {
		return Plan{}, fmt.Errorf("decoding plan: %w", err)
	}
	if p.Protocol != Protocol && p.Protocol != Protocol-1 {
		return Plan{}, fmt.Errorf("plan has protocol %d, this program understands %d and %d",
			p.Protocol, Protocol-1, Protocol)
	}
	return p, nil
}

// Member gives the member of a name, and whether the plan has it.
func (p Plan) Member(name string) (PlanMember, bool) {
	i := slices.IndexFunc(p.Members, func(m PlanMember) bool { return m.Name == name })
	if i < 0 {
		return PlanMember{}, false
	}
	return p.Members[i], true
}

// Leaving says that a shard is to give its data to the others, and then to go.
func (p Plan) Leaving(shard int) bool { return p.Shards > 0 && shard >= p.Shards }

// InShard are the members of a shard, by ordinal.
func (p Plan) InShard(shard int) []PlanMember {
	return slices.DeleteFunc(slices.Clone(p.Members), func(m PlanMember) bool {
		return m.Component != "" || m.Shard != shard
	})
}

// Ensemble are the servers that keep the members' consensus, by ordinal; none where there is no ensemble.
func (p Plan) Ensemble() []PlanMember {
	return slices.DeleteFunc(slices.Clone(p.Members), func(m PlanMember) bool { return m.Component == "" })
}

// Quorum is the commit quorum that the plan asks for in a cluster without shards.
func (p Plan) Quorum() Quorum { return p.QuorumOf(0) }

// QuorumOf is the commit quorum that the plan asks for in a shard, with every member of it taking part; it promises
// nothing unless durability is Majority.
func (p Plan) QuorumOf(shard int) Quorum {
	if p.Durability != v1alpha1.DurabilityMajority {
		return Quorum{}
	}
	var names []string
	for _, m := range p.InShard(shard) {
		names = append(names, m.Name)
	}
	return MajorityOf(len(names), names)
}
