// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// view is what a hello says that a client acts on. When it changes, the replies that clients wait for are sent.
type view struct {
	state    replset.State
	writable bool
	primary  int32
	term     int64
	version  int32
	stopping bool
}

// view is the present one. The caller holds the lock.
func (s *Server) view() view {
	v := view{state: s.topology.State(), writable: s.topology.Writable, primary: s.topology.PrimaryID,
		stopping: s.stopping}
	if c := s.topology.Config; c != nil {
		v.version, v.term = c.Version, c.Term
	}
	return v
}

// waits says whether a hello is to be answered only once there is news.
func (r *request) waits() bool { return r.body.Lookup("topologyVersion").Type != 0 }

// hello says who this member is ("hello", mongodb.com/docs/manual/reference/command/hello/). A client that sends the
// topologyVersion it knows is answered when that has changed, or after maxAwaitTimeMS.
func (s *Server) hello(ctx context.Context, r *request) (bson.D, error) {
	if err := s.awaitNews(ctx, r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	stopping, reply := s.stopping, s.describe()
	r.told = new(s.counter)
	s.mu.Unlock()
	if stopping {
		return nil, fail(shutdownInProgress, "the server is shutting down")
	}
	if mechanisms := r.text("saslSupportedMechs"); mechanisms != "" {
		reply = append(reply, bson.E{Key: "saslSupportedMechs", Value: bson.A{mechanism}})
	}
	if r.name != "hello" {
		writable, _ := find(reply, "isWritablePrimary").(bool)
		reply = append(reply, bson.E{Key: "ismaster", Value: writable}, bson.E{Key: "helloOk", Value: true})
	}
	// Speculation that fails is no error: the client then logs in with saslStart.
	if start, ok := r.body.Lookup("speculativeAuthenticate").DocumentOK(); ok {
		database, _ := start.Lookup("db").StringValueOK()
		if answer, err := s.startLogin(r.connection, start, database); err == nil {
			reply = append(reply, bson.E{Key: "speculativeAuthenticate", Value: answer})
		}
	}
	return reply, nil
}

func (s *Server) awaitNews(ctx context.Context, r *request) error {
	if !r.waits() {
		return nil
	}
	known := r.document("topologyVersion")
	process, _ := known.Lookup("processId").ObjectIDOK()
	counter, _ := known.Lookup("counter").AsInt64OK()
	if r.told != nil {
		process, counter = s.processID, *r.told
	}
	millis, _ := r.number("maxAwaitTimeMS")
	ctx, cancel := context.WithTimeout(ctx, time.Duration(millis)*time.Millisecond)
	defer cancel()
	err := s.await(ctx, func() bool { return process != s.processID || s.counter != counter })
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// describe is the reply of hello without what depends on the client. The caller holds the lock.
func (s *Server) describe() bson.D {
	const (
		maxBatch            = int32(100000)
		sessionMinutes      = int32(30)
		minWire, maxUnknown = int32(0), int32(21)
	)
	reply := bson.D{
		{Key: "topologyVersion", Value: bson.D{{Key: "processId", Value: s.processID}, {Key: "counter", Value: s.counter}}}}
	reply = append(reply, s.describeMember()...)
	wireVersion, known := wireVersions[s.options.Major()]
	if !known {
		wireVersion = maxUnknown
	}
	return append(reply,
		bson.E{Key: "maxBsonObjectSize", Value: int32(wire.MaxDocument)},
		bson.E{Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessage)},
		bson.E{Key: "maxWriteBatchSize", Value: maxBatch},
		bson.E{Key: "localTime", Value: time.Now()},
		bson.E{Key: "logicalSessionTimeoutMinutes", Value: sessionMinutes},
		bson.E{Key: "connectionId", Value: int32(1)},
		bson.E{Key: "minWireVersion", Value: minWire},
		bson.E{Key: "maxWireVersion", Value: wireVersion},
		bson.E{Key: "readOnly", Value: false})
}

// wireVersions are what drivers know a version by.
var wireVersions = map[string]int32{"6.0": 17, "7.0": 21, "8.0": 25}

// describeMember is the part of hello that tells of the set.
func (s *Server) describeMember() bson.D {
	t := s.topology
	state := t.State()
	reply := bson.D{{Key: "isWritablePrimary", Value: t.Writable},
		{Key: "secondary", Value: state == replset.Secondary || state == replset.Primary && !t.Writable}}
	if t.Own() == nil {
		return append(reply, bson.E{Key: "isreplicaset", Value: true},
			bson.E{Key: "info", Value: "Does not have a valid replica set config"})
	}
	hosts, passives := bson.A{}, bson.A{}
	for _, m := range t.Config.Members {
		switch {
		case m.Hidden:
		case m.Priority == 0:
			passives = append(passives, m.Host)
		default:
			hosts = append(hosts, m.Host)
		}
	}
	reply = append(reply, bson.E{Key: "hosts", Value: hosts})
	if len(passives) > 0 {
		reply = append(reply, bson.E{Key: "passives", Value: passives})
	}
	reply = append(reply, bson.E{Key: "setName", Value: t.Config.ID}, bson.E{Key: "setVersion", Value: t.Config.Version})
	if p := t.Config.Member(t.PrimaryID); p != nil {
		reply = append(reply, bson.E{Key: "primary", Value: p.Host})
	}
	if t.Own().Priority == 0 {
		reply = append(reply, bson.E{Key: "passive", Value: true})
	}
	reply = append(reply, bson.E{Key: "me", Value: t.Own().Host})
	if t.Writable {
		reply = append(reply, bson.E{Key: "electionId", Value: electionID(t.Term)})
	}
	return append(reply, bson.E{Key: "lastWrite", Value: bson.D{
		{Key: "opTime", Value: t.Applied}, {Key: "lastWriteDate", Value: t.AppliedWall},
		{Key: "majorityOpTime", Value: t.Committed}, {Key: "majorityWriteDate", Value: t.CommittedWall}}})
}

// electionID grows with the term, so that a driver that hears from two primaries believes the later one.
func electionID(term int64) (id bson.ObjectID) {
	binary.BigEndian.PutUint32(id[:4], 0x7fffffff)
	binary.BigEndian.PutUint64(id[4:], uint64(term))
	return id
}

func (s *Server) isSelf(context.Context, *request) (bson.D, error) {
	return bson.D{{Key: "id", Value: s.processID}}, nil
}

// find is a field of a reply.
func find(reply bson.D, key string) any {
	for _, e := range reply {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}
