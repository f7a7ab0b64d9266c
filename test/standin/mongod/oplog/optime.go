// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import (
	"cmp"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// OpTime is the place of an entry in the history of a replica set: the term of the primary that wrote it, and when that
// was. No two entries of a set have the same, since a term has one primary at most.
type OpTime struct {
	TS   bson.Timestamp `bson:"ts"`
	Term int64          `bson:"t"`
}

// Compare orders by term first: what an older primary wrote late is older than what its successor wrote early.
func (o OpTime) Compare(other OpTime) int {
	return cmp.Or(cmp.Compare(o.Term, other.Term), cmp.Compare(o.TS.T, other.TS.T), cmp.Compare(o.TS.I, other.TS.I))
}

// Before says whether an entry at o is older than one at other.
func (o OpTime) Before(other OpTime) bool { return o.Compare(other) < 0 }

// IsZero says that there is no entry at all.
func (o OpTime) IsZero() bool { return o.TS == bson.Timestamp{} }

func (o OpTime) String() string { return fmt.Sprintf("%d.%d in term %d", o.TS.T, o.TS.I, o.Term) }

// NextTimestamp is later than the last one, even where the clock was set back.
func NextTimestamp(last bson.Timestamp, now time.Time) bson.Timestamp {
	seconds := uint32(now.Unix())
	if seconds > last.T {
		return bson.Timestamp{T: seconds, I: 1}
	}
	return bson.Timestamp{T: last.T, I: last.I + 1}
}
