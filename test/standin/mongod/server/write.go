// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// effect is what one statement of a write did.
type effect struct {
	matched, modified int
	upserted          bson.RawValue
	// entries are the operations that it comes to: none where nothing changes.
	entries []oplog.Entry
}

// statement works out what a part of a write does to the collection. It is called with the lock held.
type statement func(namespace string, body bson.Raw) (effect, error)

// apply carries out the statements of a write, each at most once, and waits for the write concern.
func (s *Server) apply(ctx context.Context, r *request, list string, run statement) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	statements, err := r.list(list)
	if err != nil {
		return nil, err
	}
	concern, err := s.concern(r)
	if err != nil {
		return nil, err
	}
	var result writeResult
	var mark mark
	s.locked(func() {
		if err = s.mayWrite(); err == nil {
			result, err = s.applyAll(r, namespace, statements, run)
			mark = s.mark()
		}
	})
	if err != nil {
		return nil, err
	}
	return s.conclude(ctx, r, result, concern, mark), nil
}

// conclude waits for the write concern. A write that did not come to it is done all the same, and may stay.
func (s *Server) conclude(ctx context.Context, r *request, result writeResult, c concern, at mark) bson.D {
	reply := append(result.reply(), bson.E{Key: "opTime", Value: at.opTime},
		bson.E{Key: "electionId", Value: electionID(at.opTime.Term)})
	if err := s.acknowledge(ctx, c, at); err != nil {
		f := asFailure(err)
		reply = append(reply, bson.E{Key: "writeConcernError", Value: f.document()})
		return s.label(r, reply, f.code)
	}
	return reply
}

func (s *Server) applyAll(r *request, namespace string, statements []bson.Raw, run statement) (writeResult, error) {
	var result writeResult
	ordered := r.body.Lookup("ordered").Type == 0 || r.flag("ordered")
	for i, body := range statements {
		done, err := s.once(r, int32(i), func() (effect, error) { return run(namespace, body) })
		if f, ok := errors.AsType[failure](err); ok && f.code == transactionTooOld {
			return result, err
		}
		result.add(i, done, err)
		if err != nil && ordered {
			break
		}
	}
	return result, nil
}

// once carries out a statement of a retryable write unless the log has it already, and then says again what it did.
func (s *Server) once(r *request, number int32, run func() (effect, error)) (effect, error) {
	txn, retryable := r.number("txnNumber")
	session := r.document("lsid")
	if retryable {
		entry, found, stale := s.oplog.Sessions.Statement(session, txn, number)
		if stale {
			return effect{}, fail(transactionTooOld, "txnNumber %d is older than what the session has come to", txn)
		}
		if found {
			return remembered(entry), nil
		}
	}
	done, err := run()
	if err != nil || len(done.entries) == 0 {
		return done, err
	}
	if retryable {
		// Of several operations of one statement the last stands for all: they are in the log together or not at all.
		last := &done.entries[len(done.entries)-1]
		last.Session, last.TxnNumber, last.Statement = session, txn, number
	}
	return done, s.write(done.entries...)
}

// remembered is the effect of a statement that was carried out before.
func remembered(e oplog.Entry) effect {
	if e.Op == oplog.Insert && e.Object2 != nil {
		return effect{matched: 1, upserted: e.Object.Lookup("_id")}
	}
	return effect{matched: 1, modified: 1}
}

// write puts operations into the log of the primary. The caller holds the lock.
func (s *Server) write(entries ...oplog.Entry) error {
	if err := s.oplog.Write(s.topology.Term, time.Now().Truncate(time.Millisecond), entries...); err != nil {
		s.end(err) // a disk that takes no more: what is in memory is not what is on it
		return err
	}
	s.topology.Applied, s.topology.AppliedWall = s.oplog.Last(), s.oplog.LastWall()
	return nil
}

func (s *Server) mayWrite() error {
	if !s.topology.Writable || s.yielding {
		return fail(notWritablePrimary, "not primary")
	}
	return nil
}

// writeResult is the reply of a write command.
type writeResult struct {
	matched, modified int
	upserted, errors  bson.A
}

func (w *writeResult) add(i int, e effect, err error) {
	if err != nil {
		// A list of errors has the number of the statement, and its message, but not the code's name.
		f := asFailure(err)
		w.errors = append(w.errors, bson.D{{Key: "index", Value: int32(i)},
			{Key: "code", Value: int32(f.code)}, {Key: "errmsg", Value: f.message}})
		return
	}
	w.matched += e.matched
	w.modified += e.modified
	if e.upserted.Type != 0 {
		w.upserted = append(w.upserted, bson.D{{Key: "index", Value: int32(i)},
			{Key: "_id", Value: e.upserted}})
	}
}

func (w *writeResult) reply() bson.D {
	reply := bson.D{{Key: "n", Value: int32(w.matched)}, {Key: "nModified", Value: int32(w.modified)}}
	if w.upserted != nil {
		reply = append(reply, bson.E{Key: "upserted", Value: w.upserted})
	}
	if w.errors != nil {
		reply = append(reply, bson.E{Key: "writeErrors", Value: w.errors})
	}
	return reply
}

// withID is the document with an _id as its first field.
func withID(raw bson.Raw) (bson.Raw, error) {
	if raw.Lookup("_id").Type != 0 {
		return raw, nil
	}
	var d bson.D
	if err := bson.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	return bson.Marshal(append(bson.D{{Key: "_id", Value: bson.NewObjectID()}}, d...))
}

// idOf is the document that has only the _id of another.
func idOf(raw bson.Raw) (bson.Raw, error) {
	return bson.Marshal(bson.D{{Key: "_id", Value: raw.Lookup("_id")}})
}
