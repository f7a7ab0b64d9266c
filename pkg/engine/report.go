// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// MemberReport is what an agent says of its member, as JSON in the annotation v1alpha1.AnnotationMember of its own pod.
// It is written only when its meaning changes, never on a timer: whatever moves by itself (lag, positions of a running
// engine, sizes) is a metric and not part of it.
type MemberReport struct {
	// Protocol is the version of this structure.
	Protocol int `json:"protocol"`
	// Incarnation is the life of the agent that reports, "<pod>/<podUID>/<nonce>", as in the Lease's holderIdentity.
	Incarnation string `json:"incarnation"`
	// Role is the part the member plays.
	Role v1alpha1.MemberRole `json:"role"`
	// Ready says whether the member serves, and for a replica is caught up.
	Ready bool `json:"ready"`
	// CaughtUp says whether a replica is level with its primary, with hysteresis: false after 10 s behind, true after
	// 3 s level.
	CaughtUp bool `json:"caughtUp"`
	// PlanHash and PlanGeneration are of the last plan that was carried out.
	PlanHash       string `json:"planHash,omitempty"`
	PlanGeneration int64  `json:"planGeneration,omitempty"`
	// SystemID is the identity of the data on the volume, empty while there is none.
	SystemID string `json:"systemID,omitempty"`
	// Timeline is the timeline on which the member is.
	Timeline int64 `json:"timeline,omitempty"`
	// Epoch is the highest epoch that the member knows of. Where the engine elects by itself it is the engine's own
	// count, and of two members of a shard that call themselves primary the one with the higher is.
	Epoch int64 `json:"epoch,omitempty"`
	// Electorate are the members of whom alone one may become primary, sorted. Where the primary holds a Lease it lists
	// them: only when they are more than one is it renewed, and the operator makes a pod only for a member that is listed.
	// Where the engine elects by itself they are those that vote, as each member that has the engine's own list tells; nil
	// where it has none. No pod of a member that is listed is taken away for good.
	Electorate []string `json:"electorate,omitempty"`
	// Durability is what a primary's acknowledgement is worth: Majority only while every write waits for the quorum that
	// the Lease records.
	Durability v1alpha1.EffectiveDurability `json:"durability,omitempty"`
	// Quorum is where acknowledged writes are, as the primary's Lease records it.
	Quorum *Quorum `json:"quorum,omitempty"`
	// Promotion is how a primary became it; nil for a replica, and for a primary that only restarted.
	Promotion *PromotionReport `json:"promotion,omitempty"`
	// Switchover is the last request to hand over that this member could not carry out.
	Switchover *SwitchoverReport `json:"switchover,omitempty"`
	// Rebuilt is the ID of the last request for a new copy that was carried out.
	Rebuilt string `json:"rebuilt,omitempty"`
	// Drained says that the plan wants the member's shard to go, and that no data of the cluster is left there.
	Drained bool `json:"drained,omitempty"`
	// SchemaBehind is what this member lacks of the tables that others have, or has and does not share with them; "" when
	// nothing, and for an engine whose schema is part of the data that it copies. At most MaxSchemaBehind bytes.
	SchemaBehind string `json:"schemaBehind,omitempty"`
	// PendingRestart are the parameters that wait for a restart, sorted.
	PendingRestart []string `json:"pendingRestart,omitempty"`
	// RestartInPlace says that the primary's restart must not be a switchover: a parameter can only be lowered where the
	// primary is, and replicas take it over from there.
	RestartInPlace bool `json:"restartInPlace,omitempty"`
	// EngineVersion is the version as the running engine reports it.
	EngineVersion string `json:"engineVersion,omitempty"`
	// Problem is what keeps the member from doing its part; absent when nothing does.
	Problem *Problem `json:"problem,omitempty"`
}

// MaxSchemaBehind bounds MemberReport.SchemaBehind, in bytes: a report is sent to every watcher of the pod.
const MaxSchemaBehind = 512

// PromotionReport tells how a member became primary.
type PromotionReport struct {
	// Epoch is the epoch that began.
	Epoch int64 `json:"epoch"`
	// From is the primary before, "" for the first.
	From string `json:"from,omitempty"`
	// Reason is why: one of the Failover reasons.
	Reason string `json:"reason"`
	// Time is when it accepted writes.
	Time metav1.Time `json:"time"`
	// UnavailableMilliseconds is the time from the last renewal by the primary before until then.
	UnavailableMilliseconds int64 `json:"unavailableMilliseconds"`
}

// Reasons for which another member becomes primary.
const (
	// FailoverExpired: nobody renewed the Lease for its whole duration.
	FailoverExpired = "LeaseExpired"
	// FailoverReleased: the primary gave the Lease up, because its pod ended or its engine did not come back.
	FailoverReleased = "Released"
	// FailoverSwitchover: the primary gave the Lease up because it was asked to.
	FailoverSwitchover = "Switchover"
	// FailoverContainerEnded: the kubelet says that the primary's container has ended.
	FailoverContainerEnded = "ContainerEnded"
	// FailoverFarewell: the primary's agent told the others that its engine is dead.
	FailoverFarewell = "Farewell"
)

// SwitchoverReport tells why a member did not hand over.
type SwitchoverReport struct {
	// ID is the request's.
	ID string `json:"id"`
	// Message is why.
	Message string `json:"message"`
}

// Problem is what keeps a member from doing its part.
type Problem struct {
	// Reason is one of the Reason constants of v1alpha1, such as ForeignData, DataMissing or VolumeInUse.
	Reason string `json:"reason"`
	// Message says more, for people.
	Message string `json:"message"`
}

// EncodeReport gives a report as JSON. Equal reports have equal bytes.
func EncodeReport(r MemberReport) (string, error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encoding member report: %w", err)
	}
	return string(encoded), nil
}

// DecodeReport reads a report. An empty string is the report of an agent that has said nothing yet.
func DecodeReport(encoded string) (MemberReport, error) {
	r := MemberReport{Role: v1alpha1.RoleUnknown}
	if encoded == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(encoded), &r); err != nil {
		return MemberReport{Role: v1alpha1.RoleUnknown}, fmt.Errorf("decoding member report: %w", err)
	}
	return r, nil
}
