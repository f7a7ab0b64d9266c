// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import "go.mongodb.org/mongo-driver/v2/bson"

// Sessions are the newest retryable write of each session, by the session's id. A driver that has lost the reply sends
// the same statement again, to whoever is primary then, and that one must not carry it out a second time
// ("Retryable Writes", mongodb.com/docs/manual/core/retryable-writes/).
type Sessions map[string]Transaction

// Transaction is a retryable write: some statements under one number.
type Transaction struct {
	Number     int64
	Statements map[int32]Entry
}

// Statement returns the operation that a statement came to. stale says that the session has gone on to a later number,
// so that the statement must be refused.
func (s Sessions) Statement(session bson.Raw, number int64, statement int32) (done Entry, found, stale bool) {
	transaction, found := s[key(session)]
	if !found || number > transaction.Number {
		return Entry{}, false, false
	}
	if number < transaction.Number {
		return Entry{}, false, true
	}
	done, found = transaction.Statements[statement]
	return done, found, false
}

func (s Sessions) note(e Entry) {
	if e.Session == nil {
		return
	}
	transaction, found := s[key(e.Session)]
	if !found || transaction.Number != e.TxnNumber {
		transaction = Transaction{Number: e.TxnNumber, Statements: map[int32]Entry{}}
	}
	transaction.Statements[e.Statement] = e
	s[key(e.Session)] = transaction
}

// key leaves out who the session belongs to, which a driver does not send.
func key(session bson.Raw) string {
	_, id, _ := session.Lookup("id").BinaryOK()
	return string(id)
}
