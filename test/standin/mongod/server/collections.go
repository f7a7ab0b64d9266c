// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// replicate writes one operation on a whole collection and waits for the write concern.
func (s *Server) replicate(ctx context.Context, r *request, namespace string, operation any) (bson.D, error) {
	c, err := s.concern(r)
	if err != nil {
		return nil, err
	}
	object, err := bson.Marshal(operation)
	if err != nil {
		return nil, err
	}
	var at mark
	s.locked(func() {
		if err = s.mayWrite(); err == nil {
			err = s.write(oplog.Entry{Op: oplog.Command, Namespace: namespace, Object: object})
		}
		at = s.mark()
	})
	if err != nil {
		return nil, err
	}
	return without(s.conclude(ctx, r, writeResult{}, c, at), "nModified"), nil
}

func (s *Server) create(ctx context.Context, r *request) (bson.D, error) {
	return s.replicate(ctx, r, r.database+".$cmd", bson.D{{Key: "create", Value: r.text("create")}})
}

func (s *Server) drop(ctx context.Context, r *request) (bson.D, error) {
	return s.replicate(ctx, r, r.database+".$cmd", bson.D{{Key: "drop", Value: r.text("drop")}})
}

func (s *Server) dropDatabase(ctx context.Context, r *request) (bson.D, error) {
	return s.replicate(ctx, r, r.database+".$cmd", bson.D{{Key: "dropDatabase", Value: int32(1)}})
}

// createIndexes takes note of indexes; nothing uses them, and unique ones are refused rather than ignored.
func (s *Server) createIndexes(ctx context.Context, r *request) (bson.D, error) {
	indexes, err := r.list("indexes")
	if err != nil {
		return nil, err
	}
	for _, index := range indexes {
		if unique, _ := index.Lookup("unique").BooleanOK(); unique {
			return nil, fail(notImplemented, "simulated: only _id is unique")
		}
		operation := bson.D{{Key: "createIndexes", Value: r.text("createIndexes")}, {Key: "index", Value: index}}
		if _, err := s.replicate(ctx, r, r.database+".$cmd", operation); err != nil {
			return nil, err
		}
	}
	return bson.D{}, nil
}

func (s *Server) listIndexes(_ context.Context, r *request) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	c, found := s.oplog.Documents[namespace]
	s.mu.Unlock()
	if !found {
		return nil, fail(namespaceNotFound, "ns does not exist: %s", namespace)
	}
	id, err := bson.Marshal(bson.D{{Key: "v", Value: int32(2)}, {Key: "key", Value: bson.D{{Key: "_id", Value: int32(1)}}},
		{Key: "name", Value: "_id_"}})
	return cursorReply(0, namespace, "firstBatch", append([]bson.Raw{id}, c.Indexes...)), err
}

func (s *Server) listCollections(_ context.Context, r *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayRead(r); err != nil {
		return nil, err
	}
	var listed []bson.Raw
	for _, namespace := range s.collections(r.database) {
		_, name, _ := strings.Cut(namespace, ".")
		if wanted, ok := r.document("filter").Lookup("name").StringValueOK(); ok && wanted != name {
			continue
		}
		entry, err := bson.Marshal(bson.D{{Key: "name", Value: name}, {Key: "type", Value: "collection"},
			{Key: "options", Value: bson.D{}}, {Key: "info", Value: bson.D{{Key: "readOnly", Value: false}}}})
		if err != nil {
			return nil, err
		}
		listed = append(listed, entry)
	}
	return cursorReply(0, r.database+".$cmd.listCollections", "firstBatch", listed), nil
}

// listDatabases shows a user only the databases that a role of theirs is for.
func (s *Server) listDatabases(_ context.Context, r *request) (bson.D, error) {
	if r.login.user == "" {
		return nil, fail(unauthorized, "Command listDatabases requires authentication")
	}
	s.mu.Lock()
	names, total := s.databases(), 0
	sizes := map[string]int{}
	for _, name := range names {
		for _, namespace := range s.collections(name) {
			_, size := s.oplog.Documents[namespace].Count()
			sizes[name] += size
		}
	}
	s.mu.Unlock()
	databases := bson.A{}
	for _, name := range names {
		seen := *r
		seen.database = name
		if s.allow(&seen, read) != nil {
			continue
		}
		total += sizes[name]
		databases = append(databases, bson.D{{Key: "name", Value: name},
			{Key: "sizeOnDisk", Value: int64(sizes[name])}, {Key: "empty", Value: sizes[name] == 0}})
	}
	return bson.D{{Key: "databases", Value: databases}, {Key: "totalSize", Value: int64(total)}}, nil
}

func (s *Server) dbStats(_ context.Context, r *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, size, names := 0, 0, s.collections(r.database)
	for _, namespace := range names {
		count, bytes := s.oplog.Documents[namespace].Count()
		objects, size = objects+count, size+bytes
	}
	return bson.D{{Key: "db", Value: r.database}, {Key: "collections", Value: int64(len(names))},
		{Key: "views", Value: int64(0)}, {Key: "objects", Value: int64(objects)},
		{Key: "dataSize", Value: float64(size)}, {Key: "storageSize", Value: float64(size)},
		{Key: "indexes", Value: int64(len(names))}, {Key: "indexSize", Value: 0.0},
		{Key: "totalSize", Value: float64(size)}, {Key: "scaleFactor", Value: 1.0}}, nil
}

func (s *Server) collStats(_ context.Context, r *request) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	count, size := s.oplog.Documents[namespace].Count()
	reply := bson.D{{Key: "ns", Value: namespace}}
	if namespace == oplog.Namespace {
		count, size = s.oplog.Len(), int(s.oplog.Size())
		reply = append(reply, bson.E{Key: "capped", Value: true}, bson.E{Key: "maxSize", Value: s.oplogSize()})
	}
	return append(reply, bson.E{Key: "count", Value: int32(count)},
		bson.E{Key: "size", Value: int64(size)}, bson.E{Key: "storageSize", Value: int64(size)}), nil
}

// oplogSize is the size that mongod would keep the log below; the stand-in does not.
func (s *Server) oplogSize() int64 {
	const mebibyte = 1 << 20
	replication, _ := s.options.Parsed["replication"].(map[string]any)
	if configured, ok := replication["oplogSizeMB"].(int32); ok {
		return int64(configured) * mebibyte
	}
	return 990 * mebibyte
}
