// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// counters count since the process began.
type counters struct {
	connections, created                            atomic.Int64
	inserts, queries, updates, deletes, more, other atomic.Int64
	replicated                                      atomic.Int64
	// stepUps are elections that were asked for, timeouts those because there was no primary.
	stepUps, timeouts elections
}

// elections counts how many were stood for and won.
type elections struct{ called, won atomic.Int64 }

func (e *elections) document() bson.D {
	return bson.D{{Key: "called", Value: e.called.Load()}, {Key: "successful", Value: e.won.Load()}}
}

func (c *counters) count(name string) {
	counter := map[string]*atomic.Int64{"insert": &c.inserts, "find": &c.queries, "update": &c.updates,
		"delete": &c.deletes, "getMore": &c.more}[name]
	if counter == nil {
		counter = &c.other
	}
	counter.Add(1)
}

func (s *Server) buildInfo(context.Context, *request) (bson.D, error) {
	major := s.options.Major()
	return bson.D{{Key: "version", Value: s.options.Version}, {Key: "gitVersion", Value: "simulated"},
		{Key: "modules", Value: bson.A{"atlasdb-standin"}}, {Key: "versionArray", Value: versionArray(s.options.Version)},
		{Key: "bits", Value: int32(64)}, {Key: "debug", Value: false},
		{Key: "maxBsonObjectSize", Value: int32(16777216)},
		{Key: "storageEngines", Value: bson.A{"simulated"}}, {Key: "allocator", Value: "go"},
		{Key: "environment", Value: bson.D{{Key: "simulates", Value: "mongod " + major}}}}, nil
}

// getCmdLineOpts shows the configuration file as it was read
// (mongodb.com/docs/manual/reference/command/getCmdLineOpts/).
func (s *Server) getCmdLineOpts(context.Context, *request) (bson.D, error) {
	parsed := bson.M{"config": s.options.File}
	maps.Copy(parsed, s.options.Parsed)
	return bson.D{{Key: "argv", Value: bson.A{"mongod", "--config", s.options.File}}, {Key: "parsed", Value: parsed}}, nil
}

func (s *Server) getLog(context.Context, *request) (bson.D, error) {
	return bson.D{{Key: "totalLinesWritten", Value: int32(1)},
		{Key: "log", Value: bson.A{"SIMULATED: this is AtlasDB's stand-in for mongod"}}}, nil
}

// serverStatus follows mongodb.com/docs/manual/reference/command/serverStatus/, for what AtlasDB's metrics read.
func (s *Server) serverStatus(context.Context, *request) (bson.D, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	c, uptime := &s.counters, time.Since(s.started)
	const limit = int64(838860)
	now := c.connections.Load()
	return bson.D{
		{Key: "host", Value: host}, {Key: "version", Value: s.options.Version}, {Key: "process", Value: "mongod"},
		{Key: "pid", Value: int64(os.Getpid())}, {Key: "uptime", Value: uptime.Seconds()},
		{Key: "uptimeMillis", Value: uptime.Milliseconds()}, {Key: "localTime", Value: time.Now()},
		{Key: "connections", Value: bson.D{{Key: "current", Value: now}, {Key: "available", Value: limit - now},
			{Key: "totalCreated", Value: c.created.Load()}, {Key: "active", Value: now}}},
		{Key: "opcounters", Value: c.document()},
		{Key: "opcountersRepl", Value: bson.D{{Key: "insert", Value: c.replicated.Load()}}},
		{Key: "electionMetrics", Value: bson.D{
			{Key: "stepUpCmd", Value: c.stepUps.document()}, {Key: "electionTimeout", Value: c.timeouts.document()}}},
		{Key: "mem", Value: bson.D{{Key: "bits", Value: int32(64)}, {Key: "resident", Value: residentMebibytes()}}},
		{Key: "repl", Value: s.replication()},
		{Key: "storageEngine", Value: bson.D{{Key: "name", Value: "simulated"}, {Key: "persistent", Value: true}}},
		{Key: "wiredTiger", Value: bson.D{{Key: "cache", Value: s.cache()}}},
	}, nil
}

func (c *counters) document() bson.D {
	return bson.D{
		{Key: "insert", Value: c.inserts.Load()}, {Key: "query", Value: c.queries.Load()},
		{Key: "update", Value: c.updates.Load()}, {Key: "delete", Value: c.deletes.Load()},
		{Key: "getmore", Value: c.more.Load()}, {Key: "command", Value: c.other.Load()}}
}

func (s *Server) replication() bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.describeMember(), bson.E{Key: "rbid", Value: s.local.RollbackID})
}

// cache reports what the documents take as if it were WiredTiger's cache, and the configured size of that.
func (s *Server) cache() bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := 0
	for _, collection := range s.oplog.Documents {
		_, size := collection.Count()
		used += size
	}
	return bson.D{{Key: "bytes currently in the cache", Value: int64(used)},
		{Key: "maximum bytes configured", Value: s.cacheSize()}, {Key: "tracked dirty bytes in the cache", Value: int64(0)},
		{Key: "pages evicted by application threads", Value: int64(0)}}
}

func (s *Server) cacheSize() int64 {
	const gibibyte, least = 1 << 30, 0.25
	storage, _ := s.options.Parsed["storage"].(map[string]any)
	tiger, _ := storage["wiredTiger"].(map[string]any)
	engine, _ := tiger["engineConfig"].(map[string]any)
	size := least
	switch given := engine["cacheSizeGB"].(type) {
	case float64:
		size = given
	case int32:
		size = float64(given)
	}
	return int64(size * gibibyte)
}

// versionArray is the version as numbers: "7.0.24" is 7, 0, 24, and 0 for a release.
func versionArray(version string) bson.A {
	numbers := bson.A{}
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part)
		numbers = append(numbers, int32(n))
	}
	return append(numbers, int32(0))
}

// residentMebibytes is the process's memory as the kernel counts it.
func residentMebibytes() int64 {
	content, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(content))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()) >> 20
}
