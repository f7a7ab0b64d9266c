// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/document"
	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// firstBatch is how many documents come with the cursor unless the client says otherwise.
const firstBatch = 101

// maxBatchBytes keeps a reply below what a message may have.
const maxBatchBytes = 16 << 20

// cursor is the rest of a result. A tailing one follows the log from an entry on.
type cursor struct {
	namespace string
	rest      []bson.Raw
	tailing   bool
	next      int
	rollback  int32
}

func (s *Server) find(ctx context.Context, r *request) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	if namespace == oplog.Namespace && r.flag("tailable") {
		return s.tail(ctx, r)
	}
	found, at, err := s.query(r, namespace)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, r, at); err != nil {
		return nil, err
	}
	size, given := r.number("batchSize")
	if !given {
		size = firstBatch
	}
	if r.flag("singleBatch") {
		found = found[:min(int(size), len(found))]
	}
	return s.openCursor(&cursor{namespace: namespace, rest: found}, int(size)), nil
}

// query selects documents, and says up to which entry they are of the log's making.
func (s *Server) query(r *request, namespace string) ([]bson.Raw, mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayRead(r); err != nil {
		return nil, mark{}, err
	}
	found, err := s.selection(r, namespace)
	if err != nil {
		return nil, mark{}, err
	}
	if skip, _ := r.number("skip"); skip > 0 {
		found = found[min(int(skip), len(found)):]
	}
	if limit, _ := r.number("limit"); limit != 0 {
		found = found[:min(int(max(limit, -limit)), len(found))]
	}
	found, err = project(found, r.document("projection"))
	return found, s.mark(), err
}

func (s *Server) selection(r *request, namespace string) ([]bson.Raw, error) {
	sort, filter := r.document("sort"), r.document("filter")
	if namespace == oplog.Namespace {
		limit, _ := r.number("limit")
		return pick(s.entries(sort), filter, int(limit))
	}
	found, err := s.oplog.Documents.Find(namespace, filter)
	if err != nil || sort.Lookup("$natural").Type != 0 {
		return found, err
	}
	return found, document.Sort(found, sort)
}

// entries goes through the log from the end that the sort names.
func (s *Server) entries(sort bson.Raw) iter.Seq[bson.Raw] {
	if direction, _ := sort.Lookup("$natural").AsInt64OK(); direction < 0 {
		return func(yield func(bson.Raw) bool) {
			for _, e := range slices.Backward(s.oplog.Entries()) {
				if !yield(e) {
					return
				}
			}
		}
	}
	return slices.Values(s.oplog.Entries())
}

// pick stops when it has enough: the log is long.
func pick(from iter.Seq[bson.Raw], filter bson.Raw, limit int) (picked []bson.Raw, err error) {
	for e := range from {
		ok, err := document.Match(filter, e)
		if err != nil {
			return nil, err
		}
		if ok {
			picked = append(picked, e)
		}
		if limit > 0 && len(picked) == limit {
			break
		}
	}
	return picked, nil
}

// openCursor returns the first documents, and keeps the rest.
func (s *Server) openCursor(c *cursor, size int) bson.D {
	batch := c.take(size)
	id := int64(0)
	if len(c.rest) > 0 || c.tailing {
		id = rand.Int64N(1<<62) + 1
		s.mu.Lock()
		s.cursors[id] = c
		s.mu.Unlock()
	}
	return cursorReply(id, c.namespace, "firstBatch", batch)
}

func (c *cursor) take(size int) []bson.Raw {
	n, bytes := 0, 0
	for n < len(c.rest) && n < size && bytes < maxBatchBytes {
		bytes += len(c.rest[n])
		n++
	}
	batch := c.rest[:n]
	c.rest = c.rest[n:]
	return batch
}

func cursorReply(id int64, namespace, name string, batch []bson.Raw) bson.D {
	if batch == nil {
		batch = []bson.Raw{}
	}
	return bson.D{{Key: "cursor", Value: bson.D{
		{Key: name, Value: batch}, {Key: "id", Value: id}, {Key: "ns", Value: namespace}}}}
}

func (s *Server) getMore(ctx context.Context, r *request) (bson.D, error) {
	id, _ := r.number("getMore")
	s.mu.Lock()
	c, found := s.cursors[id]
	s.mu.Unlock()
	if !found {
		return nil, fail(cursorNotFound, "cursor id %d not found", id)
	}
	if c.tailing {
		return s.follow(ctx, r, id, c)
	}
	size, given := r.number("batchSize")
	if !given || size == 0 {
		size = 1 << 30
	}
	batch := c.take(int(size))
	if len(c.rest) == 0 {
		s.mu.Lock()
		delete(s.cursors, id)
		s.mu.Unlock()
		id = 0
	}
	return cursorReply(id, c.namespace, "nextBatch", batch), nil
}

func (s *Server) killCursors(_ context.Context, r *request) (bson.D, error) {
	killed := bson.A{}
	values, _ := r.body.Lookup("cursors").Array().Values()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		id, _ := value.AsInt64OK()
		if _, found := s.cursors[id]; found {
			killed = append(killed, id)
		}
		delete(s.cursors, id)
	}
	return bson.D{{Key: "cursorsKilled", Value: killed}, {Key: "cursorsNotFound", Value: bson.A{}},
		{Key: "cursorsAlive", Value: bson.A{}}, {Key: "cursorsUnknown", Value: bson.A{}}}, nil
}
