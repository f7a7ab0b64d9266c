// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// Server is one mongod. All that changes is guarded by one lock; whoever waits for a change waits on changed.
type Server struct {
	options   Options
	log       *slog.Logger
	processID bson.ObjectID
	started   time.Time
	tls       atomic.Pointer[certificates]
	counters  counters

	mu       sync.Mutex
	changed  chan struct{}
	topology *replset.Topology
	oplog    *oplog.Log
	local    local
	// seen is what a waiting hello was last told; counter counts how often that changed.
	seen    view
	counter int64
	cursors map[int64]*cursor
	values  map[string]any
	// generation counts configurations that came into force; the heartbeats of an older one end. kick sends all now.
	generation int
	kick       chan struct{}
	// reconfiguring is held by the one change of the configuration that is under way.
	reconfiguring bool
	// configMark is the end of the log when the configuration came into force.
	configMark oplog.OpTime
	// source is whom the log is copied from just now.
	source string
	// What is under way: an election, fetching a configuration, handing over, the end.
	electing, learning, yielding, stopping bool

	life   context.Context //nolint:containedctx // the server's own life, which outlasts every request
	end    context.CancelCauseFunc
	inside sync.WaitGroup
	// closed is closed when nothing is left of the server, so that another may open the directory.
	closed chan struct{}
}

// ErrShutdown ends a server that was told to.
var ErrShutdown = errors.New("shut down")

// New opens the data directory. Listen comes after it.
func New(ctx context.Context, options Options, log *slog.Logger) (*Server, error) {
	unlock, err := lockDirectory(options.Path)
	if err != nil {
		return nil, err
	}
	entries, err := oplog.Open(options.Path)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	s := &Server{options: options, log: log, processID: bson.NewObjectID(), started: time.Now(),
		changed: make(chan struct{}), topology: replset.New(), oplog: entries, cursors: map[int64]*cursor{},
		kick: make(chan struct{}), closed: make(chan struct{}), values: options.Parameters}
	life, end := context.WithCancelCause(ctx)
	s.life, s.end = life, end
	context.AfterFunc(life, func() {
		defer close(s.closed)
		s.inside.Wait()
		_ = s.oplog.Close()
		_ = unlock()
	})
	if err := s.load(); err != nil {
		s.end(err)
		return nil, err
	}
	return s, nil
}

// load takes up what the last process left on the disk.
func (s *Server) load() error {
	if err := s.checkFeatureCompatibility(); err != nil {
		return err
	}
	if err := s.local.load(filepath.Join(s.options.Path, localFile)); err != nil {
		return err
	}
	t := s.topology
	t.LastVote = s.local.Vote
	t.Term = max(s.local.Vote.Term, s.oplog.Last().Term, 0)
	t.Applied, t.AppliedWall = s.oplog.Last(), s.oplog.LastWall()
	t.Durable, t.DurableWall = t.Applied, t.AppliedWall
	return s.ReloadCertificates()
}

// Serve takes connections until the server ends, and returns why it did.
func (s *Server) Serve(listener net.Listener) error {
	if config := s.tlsServer(); config != nil {
		listener = tls.NewListener(listener, config)
	}
	stop := context.AfterFunc(s.life, func() { _ = listener.Close() })
	defer stop()
	s.spawn(s.flush)
	s.spawn(s.watchElection)
	s.spawn(s.pull)
	s.spawn(s.reportPosition)
	s.spawn(s.writePeriodicNoOps)
	if s.local.Config != nil {
		s.spawn(func(ctx context.Context) { s.resume(ctx) })
	}
	s.log.Info("Waiting for connections", "address", listener.Addr().String())
	for {
		conn, err := listener.Accept()
		if s.life.Err() != nil {
			<-s.closed
			return context.Cause(s.life)
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		s.spawn(func(ctx context.Context) { s.converse(ctx, conn) })
	}
}

// Close ends the server at once, as kill -9 does to all but its files.
func (s *Server) Close() {
	s.end(ErrShutdown)
	<-s.closed
}

func (s *Server) spawn(run func(ctx context.Context)) { s.inside.Go(func() { run(s.life) }) }

// notify wakes all who wait for a change. The caller holds the lock.
func (s *Server) notify() {
	if now := s.view(); now != s.seen {
		s.seen = now
		s.counter++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns when the condition holds, which is asked with the lock held, or with the context's error.
func (s *Server) await(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		holds, changed := condition(), s.changed
		s.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// locked runs something with the lock held and wakes those who wait.
func (s *Server) locked(run func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run()
	s.notify()
}

// pause waits for a time, or less when the context ends; it says whether there is any point in going on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
