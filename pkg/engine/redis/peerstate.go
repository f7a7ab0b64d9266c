// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "encoding/json"

// PeerState is what the agent of a primary tells those that follow it: how to read the server's offsets. A server counts
// the bytes of a history, and names the history anew at each start and at each promotion; positions of the election go
// on over all of them.
type PeerState struct {
	// History is the server's replication ID, Base the position at which its offset is 0. That may lie before all data:
	// a server that loads a snapshot goes on counting where the snapshot was taken.
	History string `json:"history,omitempty"`
	Base    int64  `json:"base,omitempty"`
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
