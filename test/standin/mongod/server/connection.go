// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"

	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// connection is one client's, or another member's.
type connection struct {
	conn  net.Conn
	login login
}

// request is one command.
type request struct {
	*connection
	name, database string
	body           bson.Raw
	// exhaust says that the client takes more replies without asking again.
	exhaust bool
	// told is what the last reply said of the topology, once there was one: the next waits for news since then, not since
	// the client asked.
	told *int64
}

// text is a field of the command as text, or nothing.
func (r *request) text(name string) string {
	s, _ := r.body.Lookup(name).StringValueOK()
	return s
}

// number is a field of the command as a number, or nothing.
func (r *request) number(name string) (n int64, given bool) {
	v := r.body.Lookup(name)
	if n, ok := v.AsInt64OK(); ok {
		return n, true
	}
	f, ok := v.AsFloat64OK()
	return int64(f), ok
}

// flag is whether a field of the command is true.
func (r *request) flag(name string) bool {
	b, ok := r.body.Lookup(name).BooleanOK()
	n, _ := r.number(name)
	return ok && b || n != 0
}

// document is a field of the command as a document; an empty one if there is none.
func (r *request) document(name string) bson.Raw {
	if d, ok := r.body.Lookup(name).DocumentOK(); ok {
		return d
	}
	return bson.Raw{5, 0, 0, 0, 0}
}

// list is a field of the command as a list of documents.
func (r *request) list(name string) ([]bson.Raw, error) {
	array, ok := r.body.Lookup(name).ArrayOK()
	if !ok {
		return nil, fail(failedToParse, "%s.%s must be an array", r.name, name)
	}
	values, err := array.Values()
	documents := make([]bson.Raw, len(values))
	for i, value := range values {
		if documents[i], ok = value.DocumentOK(); !ok {
			return nil, fail(failedToParse, "%s.%s.%d must be a document", r.name, name, i)
		}
	}
	return documents, err
}

func (s *Server) converse(ctx context.Context, conn net.Conn) {
	defer hangUp(conn)
	stop := context.AfterFunc(ctx, func() { hangUp(conn) })
	defer stop()
	s.counters.connections.Add(1)
	s.counters.created.Add(1)
	defer s.counters.connections.Add(-1)
	c := &connection{conn: conn}
	for {
		message, err := wire.Read(conn)
		if errors.Is(err, wire.ErrMalformed) {
			s.log.Warn("Ending a connection", "remote", conn.RemoteAddr().String(), "error", err.Error())
		}
		if err != nil || s.answer(ctx, c, message) != nil {
			return
		}
	}
}

// hangUp closes a connection without TLS's goodbye, which would wait for a peer that is gone.
func hangUp(conn net.Conn) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	_ = conn.Close()
}

// answer replies to one message, and where the client takes more than one reply, until there is no next.
func (s *Server) answer(ctx context.Context, c *connection, message wire.Message) error {
	r, err := newRequest(c, message)
	if err != nil {
		return err
	}
	asked := message.RequestID
	for {
		body, more := s.run(ctx, r)
		encoded, err := bson.Marshal(body)
		if err != nil {
			return err
		}
		reply := wire.Message{RequestID: wiremessage.NextRequestID(), ResponseTo: asked, Body: encoded,
			Legacy: message.Legacy}
		if more {
			reply.Flags = wiremessage.MoreToCome
		}
		if message.Flags&wiremessage.MoreToCome == 0 {
			if _, err := c.conn.Write(reply.Bytes()); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		asked = reply.RequestID
	}
}

func newRequest(c *connection, message wire.Message) (*request, error) {
	first, err := message.Body.IndexErr(0)
	if err != nil {
		return nil, err
	}
	r := &request{connection: c, name: first.Key(), body: message.Body,
		exhaust: message.Flags&wiremessage.ExhaustAllowed != 0}
	r.database = r.text("$db")
	if message.Legacy {
		r.database = "admin"
	}
	return r, nil
}
