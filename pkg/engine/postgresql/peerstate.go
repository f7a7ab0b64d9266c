// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import "encoding/json"

// PeerState is what an agent tells others of its engine, beside what the election wants to know.
type PeerState struct {
	// Oldest is the oldest position of the write-ahead log that it still has.
	Oldest uint64 `json:"oldest,omitempty"`
	// Checkpointed says that its control file is on its newest timeline: before that, pg_rewind sees no difference.
	Checkpointed bool `json:"checkpointed,omitempty"`
	// Slots are the positions from which its replication slots keep the write-ahead log, by slot.
	Slots map[string]uint64 `json:"slots,omitempty"`
}

// Encode gives the state as bytes.
func (s PeerState) Encode() []byte {
	encoded, err := json.Marshal(s)
	if err != nil {
		panic("plain data, yet encoding it failed: " + err.Error())
	}
	return encoded
}

// DecodePeerState reads a state; one that cannot be read tells nothing.
func DecodePeerState(encoded []byte) (s PeerState) {
	if err := json.Unmarshal(encoded, &s); err != nil {
		return PeerState{}
	}
	return s
}
