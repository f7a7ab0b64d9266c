// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// project keeps or drops top-level fields.
func project(documents []bson.Raw, projection bson.Raw) ([]bson.Raw, error) {
	elements, err := projection.Elements()
	if err != nil || len(elements) == 0 {
		return documents, err
	}
	wanted, including := map[string]bool{}, false
	for _, e := range elements {
		n, _ := e.Value().AsInt64OK()
		b, _ := e.Value().BooleanOK()
		wanted[e.Key()] = n != 0 || b
		including = including || wanted[e.Key()] && e.Key() != "_id"
	}
	projected := make([]bson.Raw, len(documents))
	for i, raw := range documents {
		if projected[i], err = keep(raw, wanted, including); err != nil {
			return nil, err
		}
	}
	return projected, nil
}

func keep(raw bson.Raw, wanted map[string]bool, including bool) (bson.Raw, error) {
	elements, err := raw.Elements()
	if err != nil {
		return nil, err
	}
	kept := bson.D{}
	for _, e := range elements {
		shown, named := wanted[e.Key()]
		if !named {
			shown = !including || e.Key() == "_id"
		}
		if shown {
			kept = append(kept, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return bson.Marshal(kept)
}

func (s *Server) count(ctx context.Context, r *request) (bson.D, error) {
	n, err := s.countMatching(ctx, r, r.document("query"))
	return bson.D{{Key: "n", Value: n}}, err
}

func (s *Server) countMatching(ctx context.Context, r *request, filter bson.Raw) (int32, error) {
	namespace, err := r.namespace()
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	err = s.mayRead(r)
	found, findErr := s.oplog.Documents.Find(namespace, filter)
	at := s.mark()
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if findErr != nil {
		return 0, findErr
	}
	return int32(len(found)), s.settle(ctx, r, at)
}

// aggregate knows $match, and $group with a sum of 1 as drivers count documents with.
func (s *Server) aggregate(ctx context.Context, r *request) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	stages, err := r.list("pipeline")
	if err != nil {
		return nil, err
	}
	filter, counting, name := bson.Raw{5, 0, 0, 0, 0}, false, ""
	for _, stage := range stages {
		if match, ok := stage.Lookup("$match").DocumentOK(); ok {
			filter = match
		} else if name, counting = countOf(stage); !counting {
			return nil, fail(notImplemented, "simulated: the stage %s is not known", stage)
		}
	}
	if counting {
		n, err := s.countMatching(ctx, r, filter)
		if err != nil || n == 0 {
			return cursorReply(0, namespace, "firstBatch", nil), err
		}
		counted, err := bson.Marshal(bson.D{{Key: "_id", Value: int32(1)}, {Key: name, Value: n}})
		return cursorReply(0, namespace, "firstBatch", []bson.Raw{counted}), err
	}
	return s.aggregateMatching(ctx, r, namespace, filter)
}

// countOf is the name that a stage {$group: {_id: …, NAME: {$sum: 1}}} gives to the number of documents.
func countOf(stage bson.Raw) (name string, ok bool) {
	group, ok := stage.Lookup("$group").DocumentOK()
	if !ok {
		return "", false
	}
	second, err := group.IndexErr(1)
	if err != nil {
		return "", false
	}
	sum, ok := second.Value().DocumentOK()
	if !ok {
		return "", false
	}
	one, ok := sum.Lookup("$sum").AsInt64OK()
	return second.Key(), ok && one == 1
}

func (s *Server) aggregateMatching(
	ctx context.Context, r *request, namespace string, filter bson.Raw,
) (bson.D, error) {
	s.mu.Lock()
	err := s.mayRead(r)
	found, findErr := s.oplog.Documents.Find(namespace, filter)
	at := s.mark()
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if findErr != nil {
		return nil, findErr
	}
	return s.openCursor(&cursor{namespace: namespace, rest: found}, firstBatch), s.settle(ctx, r, at)
}

// databases are the names of all that have collections.
func (s *Server) databases() []string {
	names := map[string]bool{"local": true}
	for namespace := range s.oplog.Documents {
		name, _, _ := strings.Cut(namespace, ".")
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// collections are the full names of a database's collections.
func (s *Server) collections(database string) (names []string) {
	if database == "local" {
		return []string{oplog.Namespace}
	}
	for namespace := range s.oplog.Documents {
		if strings.HasPrefix(namespace, database+".") {
			names = append(names, namespace)
		}
	}
	slices.Sort(names)
	return names
}
