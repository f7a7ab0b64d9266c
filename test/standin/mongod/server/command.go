// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// command is how one command is carried out, and who may ask for it.
type command struct {
	needs privilege
	run   func(s *Server, ctx context.Context, r *request) (bson.D, error)
}

// aliases are the older names that drivers still use.
var aliases = map[string]string{"ismaster": "hello", "isMaster": "hello", "buildinfo": "buildInfo"}

// lookup finds a command. What is not here is answered with CommandNotFound.
func lookup(name string) (command, bool) {
	if newer, ok := aliases[name]; ok {
		name = newer
	}
	for _, group := range []map[string]command{
		sessionCommands, dataCommands, collectionCommands, administration, membership, betweenMembers,
	} {
		if c, found := group[name]; found {
			return c, true
		}
	}
	return command{}, false
}

var sessionCommands = map[string]command{
	"hello":            {nothing, (*Server).hello},
	"ping":             {nothing, (*Server).done},
	"buildInfo":        {nothing, (*Server).buildInfo},
	"saslStart":        {nothing, (*Server).saslStart},
	"saslContinue":     {nothing, (*Server).saslContinue},
	"logout":           {nothing, (*Server).logout},
	"connectionStatus": {nothing, (*Server).connectionStatus},
	"endSessions":      {nothing, (*Server).done},
	"refreshSessions":  {nothing, (*Server).done},
}

var dataCommands = map[string]command{
	"insert":        {write, (*Server).insert},
	"update":        {write, (*Server).update},
	"delete":        {write, (*Server).delete},
	"findAndModify": {write, (*Server).findAndModify},
	"find":          {read, (*Server).find},
	"count":         {read, (*Server).count},
	"aggregate":     {read, (*Server).aggregate},
	"getMore":       {read, (*Server).getMore},
	"killCursors":   {read, (*Server).killCursors},
}

var collectionCommands = map[string]command{
	"create":          {write, (*Server).create},
	"drop":            {write, (*Server).drop},
	"dropDatabase":    {manage, (*Server).dropDatabase},
	"createIndexes":   {write, (*Server).createIndexes},
	"listIndexes":     {read, (*Server).listIndexes},
	"listCollections": {read, (*Server).listCollections},
	"listDatabases":   {nothing, (*Server).listDatabases},
	"dbStats":         {read, (*Server).dbStats},
	"collStats":       {read, (*Server).collStats},
}

var administration = map[string]command{
	"getParameter":                   {operate, (*Server).getParameter},
	"setParameter":                   {operate, (*Server).setParameter},
	"getCmdLineOpts":                 {operate, (*Server).getCmdLineOpts},
	"serverStatus":                   {operate, (*Server).serverStatus},
	"getLog":                         {operate, (*Server).getLog},
	"rotateCertificates":             {operate, (*Server).rotateCertificates},
	"setFeatureCompatibilityVersion": {operate, (*Server).setFeatureCompatibility},
	"getDefaultRWConcern":            {operate, (*Server).getDefaultConcern},
	"setDefaultRWConcern":            {operate, (*Server).setDefaultConcern},
	"invalidateUserCache":            {operate, (*Server).done},
	"killAllSessions":                {operate, (*Server).done},
	"shutdown":                       {operate, (*Server).shutdown},
}

var membership = map[string]command{
	"replSetInitiate":  {operate, (*Server).initiate},
	"replSetGetConfig": {operate, (*Server).getConfig},
	"replSetReconfig":  {operate, (*Server).reconfigure},
	"replSetGetStatus": {operate, (*Server).status},
	"replSetStepDown":  {operate, (*Server).stepDown},
	"replSetStepUp":    {operate, (*Server).stepUp},
	"replSetFreeze":    {operate, (*Server).freeze},
}

var betweenMembers = map[string]command{
	"_isSelf":               {nothing, (*Server).isSelf},
	"replSetHeartbeat":      {internal, (*Server).heartbeat},
	"replSetRequestVotes":   {internal, (*Server).requestVotes},
	"replSetUpdatePosition": {internal, (*Server).updatePosition},
}

// run carries out one command. more says that the client shall have another reply to the same command.
func (s *Server) run(ctx context.Context, r *request) (reply bson.D, more bool) {
	s.counters.count(r.name)
	if limit, given := r.number("maxTimeMS"); given && limit > 0 && r.name != "getMore" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(limit)*time.Millisecond,
			fail(maxTimeMSExpired, "operation exceeded time limit"))
		defer cancel()
	}
	reply, err := s.try(ctx, r)
	if err != nil {
		f := asFailure(err)
		return s.label(r, append(bson.D{{Key: "ok", Value: 0.0}}, f.document()...), f.code), false
	}
	return append(reply, bson.E{Key: "ok", Value: 1.0}), r.exhaust && isHello(r.name) && r.waits()
}

func (s *Server) try(ctx context.Context, r *request) (bson.D, error) {
	c, found := lookup(r.name)
	if !found {
		return nil, fail(commandNotFound, "no such command: '%s'", r.name)
	}
	if err := s.allow(r, c.needs); err != nil {
		return nil, err
	}
	if r.body.Lookup("startTransaction").Type != 0 || r.body.Lookup("autocommit").Type != 0 {
		return nil, fail(notImplemented, "simulated: there are no transactions of several documents")
	}
	reply, err := c.run(s, ctx, r)
	if errors.Is(err, ErrShutdown) {
		return nil, fail(interruptedAtShutdown, "interrupted at shutdown")
	}
	return reply, err
}

// label marks errors after which a driver sends the same write again.
func (s *Server) label(r *request, reply bson.D, c code) bson.D {
	if _, given := r.number("txnNumber"); given && retryable[c] {
		return append(reply, bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
	}
	return reply
}

func isHello(name string) bool { return strings.EqualFold(name, "isMaster") || name == "hello" }

// done answers what there is nothing to do for.
func (*Server) done(context.Context, *request) (bson.D, error) { return bson.D{}, nil }

// namespace is the collection that a command names in its first field.
func (r *request) namespace() (string, error) {
	name := r.text(r.name)
	if name == "" {
		return "", fail(badValue, "%s needs the name of a collection", r.name)
	}
	return fmt.Sprintf("%s.%s", r.database, name), nil
}
