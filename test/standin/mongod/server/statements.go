// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/document"
	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

func (s *Server) insert(ctx context.Context, r *request) (bson.D, error) {
	reply, err := s.apply(ctx, r, "documents", s.insertOne)
	return without(reply, "nModified"), err
}

func (s *Server) insertOne(namespace string, body bson.Raw) (effect, error) {
	body, err := withID(body)
	if err != nil {
		return effect{}, err
	}
	if s.oplog.Documents.Get(namespace, body.Lookup("_id")) != nil {
		return effect{}, fail(duplicateKey, "E11000 duplicate key error collection: %s index: _id_ dup key: { _id: %s }",
			namespace, body.Lookup("_id"))
	}
	return effect{matched: 1, entries: []oplog.Entry{{Op: oplog.Insert, Namespace: namespace, Object: body}}}, nil
}

func (s *Server) update(ctx context.Context, r *request) (bson.D, error) {
	return s.apply(ctx, r, "updates", s.updateSome)
}

// updateSome carries out one statement {q, u, multi, upsert}.
func (s *Server) updateSome(namespace string, body bson.Raw) (effect, error) {
	filter, _ := body.Lookup("q").DocumentOK()
	change, ok := body.Lookup("u").DocumentOK()
	if !ok {
		return effect{}, fail(failedToParse, "simulated: an update is a document, not a pipeline")
	}
	found, err := s.oplog.Documents.Find(namespace, filter)
	if err != nil {
		return effect{}, err
	}
	multi, _ := body.Lookup("multi").BooleanOK()
	upsert, _ := body.Lookup("upsert").BooleanOK()
	if len(found) == 0 && upsert {
		return s.upsert(namespace, filter, change)
	}
	if !multi && len(found) > 1 {
		found = found[:1]
	}
	result := effect{matched: len(found)}
	for _, before := range found {
		if err := result.replace(namespace, before, change); err != nil {
			return effect{}, err
		}
	}
	return result, nil
}

// replace adds the change of one document, unless it changes nothing.
func (e *effect) replace(namespace string, before, change bson.Raw) error {
	after, err := document.Update(before, change, false)
	if err != nil || string(after) == string(before) {
		return err
	}
	id, err := idOf(before)
	e.modified++
	e.entries = append(e.entries, oplog.Entry{Op: oplog.Update, Namespace: namespace, Object: after, Object2: id})
	return err
}

// upsert inserts a document of what the filter asks to be equal, changed as the update says.
func (s *Server) upsert(namespace string, filter, change bson.Raw) (effect, error) {
	seed, err := document.Equalities(filter)
	if err != nil {
		return effect{}, err
	}
	made, err := document.Update(seed, change, true)
	if err != nil {
		return effect{}, err
	}
	result, err := s.insertOne(namespace, made)
	if err != nil {
		return effect{}, err
	}
	entry := &result.entries[0]
	result.upserted = entry.Object.Lookup("_id")
	entry.Object2, err = idOf(entry.Object)
	return result, err
}

func (s *Server) delete(ctx context.Context, r *request) (bson.D, error) {
	reply, err := s.apply(ctx, r, "deletes", s.deleteSome)
	return without(reply, "nModified"), err
}

// deleteSome carries out one statement {q, limit}.
func (s *Server) deleteSome(namespace string, body bson.Raw) (effect, error) {
	filter, _ := body.Lookup("q").DocumentOK()
	found, err := s.oplog.Documents.Find(namespace, filter)
	if err != nil {
		return effect{}, err
	}
	if limit, _ := body.Lookup("limit").AsInt64OK(); limit == 1 && len(found) > 1 {
		found = found[:1]
	}
	result := effect{matched: len(found)}
	for _, doomed := range found {
		id, err := idOf(doomed)
		if err != nil {
			return effect{}, err
		}
		result.entries = append(result.entries, oplog.Entry{Op: oplog.Delete, Namespace: namespace, Object: id})
	}
	return result, nil
}

// findAndModify is not simulated; a retried one would need the document as it was.
func (s *Server) findAndModify(context.Context, *request) (bson.D, error) {
	return nil, fail(notImplemented, "simulated: there is no findAndModify")
}

func without(reply bson.D, key string) bson.D {
	kept := bson.D{}
	for _, e := range reply {
		if e.Key != key {
			kept = append(kept, e)
		}
	}
	return kept
}
