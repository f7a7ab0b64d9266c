// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// The timings (PROTOCOL). They are not tunable: together they bound how long two members can believe to be primary.
const (
	// LeaseDuration is written into the Lease; whoever waits goes by what is written.
	LeaseDuration = 10 * time.Second
	// RenewEvery is the time between two renewals.
	RenewEvery = 3 * time.Second
	// RequestTimeout bounds each request to the API server and to a peer.
	RequestTimeout = time.Second
	// RenewDeadline is how long after the sending of the last renewal that succeeded a holder may accept writes.
	RenewDeadline = 4 * time.Second
	// FenceTime is how long it may take to kill every process of the engine.
	FenceTime = 200 * time.Millisecond
	// PromoteWithin is how long a holder may take from the Lease to the promotion before it gives the Lease up.
	PromoteWithin = 5 * time.Second
)

// Clock is the member's own clock.
type Clock interface {
	// Now is the time since some fixed moment in this machine's life. It goes on while the machine sleeps
	// (CLOCK_BOOTTIME), and no time server sets it.
	Now() time.Duration
	// After is as time.After, by this clock.
	After(d time.Duration) <-chan time.Time
}

// Leases is the API server.
type Leases interface {
	// Get reads the Lease from the API server itself, never from a cache. A Lease that is not there is ErrAbsent.
	Get(ctx context.Context) (Record, error)
	// Update writes the Lease if it is still as it was read, and gives it as written. It returns ErrConflict when it is
	// not, ErrAbsent when it is gone, ErrNoAnswer when nobody knows what became of the write.
	Update(ctx context.Context, r Record) (Record, error)
}

// Errors of Leases. Every other error is an answer too, and a refusal.
var (
	// ErrNoAnswer: the API server could not be reached, or was too busy to answer (429 and 5xx).
	ErrNoAnswer = errors.New("the API server did not answer")
	// ErrConflict: somebody else wrote the Lease in between.
	ErrConflict = errors.New("somebody else wrote the Lease")
	// ErrAbsent: there is no Lease.
	ErrAbsent = errors.New("there is no Lease")
)

// Peers are the agents of the other members, over mutual TLS. Every error means that the peer said nothing.
type Peers interface {
	// State asks a member how it is. It binds nobody.
	State(ctx context.Context, member string) (State, error)
	// Vote asks a member for its vote.
	Vote(ctx context.Context, member string, q VoteRequest) (Vote, error)
	// Vouch asks a member not to campaign while the API server does not answer the holder.
	Vouch(ctx context.Context, member string, q VouchRequest) (Voucher, error)
	// Farewell tells a member that the engine of this incarnation is dead.
	Farewell(ctx context.Context, member string, f Farewell) error
}

// Engine is what the election does to the engine by itself. All else it asks for with a Standing.
type Engine interface {
	// Arm lets the engine accept writes until a moment of the Clock: from then on two hands, of which the agent is only
	// one, kill it. Arm(0) means never: the engine accepts no writes.
	Arm(until time.Duration) error
	// Fence kills every process of the engine at once, open sessions included, and returns when none is left.
	Fence(reason string)
}

// Record is the Lease as the election reads it.
type Record struct {
	// UID and ResourceVersion are the object's: a record is written only as a change of what was judged.
	UID, ResourceVersion string
	// Holder is the incarnation that holds the Lease, "<pod>/<podUID>/<nonce>", "" for nobody.
	Holder string
	// Epoch counts the changes of holder.
	Epoch int64
	// Duration is for how long the Lease holds without a renewal.
	Duration time.Duration
	// Electorate are the members that may campaign, as the holder wrote them; nil when no holder ever did.
	Electorate []string
	// Quorum is where acknowledged writes are; the zero Quorum when nobody recorded it.
	Quorum engine.Quorum
	// Lineage are the promotions of the cluster.
	Lineage engine.Lineage
	// Released says who gave the Lease up, nil when it was not given up.
	Released *Release
}

// Release is how a holder gives the Lease up: its engine was dead before it wrote this.
type Release struct {
	// Incarnation and Epoch are of the holder that was.
	Incarnation string `json:"incarnation"`
	Epoch       int64  `json:"epoch"`
	// Successor is the member that has everything and may campaign at once; "" for nobody in particular.
	Successor string `json:"successor,omitempty"`
	// Reason is engine.FailoverReleased or engine.FailoverSwitchover.
	Reason string `json:"reason,omitempty"`
}

// HolderMember is the member that holds the Lease, "" for nobody.
func (r Record) HolderMember() string { return MemberOf(r.Holder) }

// MemberOf is the member whose life an incarnation is.
func MemberOf(incarnation string) string {
	member, _, _ := strings.Cut(incarnation, "/")
	return member
}

// State is how a member is.
type State struct {
	// Incarnation is the life of the agent that answers.
	Incarnation string `json:"incarnation"`
	// Epoch is the highest epoch that it knows of.
	Epoch int64 `json:"epoch"`
	// HasData says whether there is data; SystemID is its identity, Point how far it goes, Exact whether to the last byte.
	HasData  bool         `json:"hasData"`
	SystemID string       `json:"systemID,omitempty"`
	Point    engine.Point `json:"point"`
	Exact    bool         `json:"exact"`
	// Refuses is why it must not become primary; "" when it may.
	Refuses string `json:"refuses,omitempty"`
	// Leading is the epoch in which it accepts writes, 0 when it does not.
	Leading int64 `json:"leading,omitempty"`
	// Engine is what the engine's own rules want to know of a primary; the election does not look at it.
	Engine []byte `json:"engine,omitempty"`
}

// VoteRequest asks for a vote.
type VoteRequest struct {
	// Candidate holds the Lease in Epoch.
	Candidate string `json:"candidate"`
	Epoch     int64  `json:"epoch"`
}

// Vote is the answer, and the promise to receive from no holder of an older epoch.
type Vote struct {
	// Granted says that the promise is given; when not, Why says why.
	Granted bool   `json:"granted"`
	Why     string `json:"why,omitempty"`
	// Epoch is the epoch of the vote.
	Epoch int64 `json:"epoch"`
	// HasData, SystemID and Point are what the voter has, flushed, now that it receives from nobody.
	HasData  bool         `json:"hasData"`
	SystemID string       `json:"systemID,omitempty"`
	Point    engine.Point `json:"point"`
}

// VouchRequest asks not to campaign.
type VouchRequest struct {
	// Holder is the incarnation that cannot reach the API server, Epoch its tenure.
	Holder string `json:"holder"`
	Epoch  int64  `json:"epoch"`
}

// Voucher is the answer: with Yes, the member does not campaign for a LeaseDuration from now by reason of an expired
// Lease.
type Voucher struct {
	Yes bool `json:"yes"`
}

// Farewell says that the engine of an incarnation is dead and will not be started again by it.
type Farewell struct {
	Incarnation string `json:"incarnation"`
	Epoch       int64  `json:"epoch"`
}
