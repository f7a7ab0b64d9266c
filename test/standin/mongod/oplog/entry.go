// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The kinds of operations.
const (
	Insert  = "i"
	Update  = "u"
	Delete  = "d"
	Command = "c"
	NoOp    = "n"
)

// Entry is one operation. An update holds the whole document as it is then, where MongoDB holds what differs.
type Entry struct {
	TS        bson.Timestamp `bson:"ts"`
	Term      int64          `bson:"t"`
	Version   int64          `bson:"v"`
	Op        string         `bson:"op"`
	Namespace string         `bson:"ns"`
	Object    bson.Raw       `bson:"o"`
	// Object2 says which document an update is of.
	Object2 bson.Raw  `bson:"o2,omitempty"`
	Wall    time.Time `bson:"wall"`
	// The statement of a retryable write that this came of: whoever is primary then does not carry it out again.
	Session   bson.Raw `bson:"lsid,omitempty"`
	TxnNumber int64    `bson:"txnNumber,omitempty"`
	Statement int32    `bson:"stmtId,omitempty"`
}

// OpTime is the entry's place in the history.
func (e Entry) OpTime() OpTime { return OpTime{TS: e.TS, Term: e.Term} }
