// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is one client: it writes its own numbers, one row each, one after another, and never a number twice, since
// only then is a second row of it the database's doing.
type session struct {
	id int
	// insert takes the session and the number.
	insert string
	// route tells where to connect; it may change while the session lives.
	route func() *pgx.ConnConfig
	// think is the pause before each write.
	think func() time.Duration
	// timeout bounds a write. Then its outcome is unknown and the connection is given up.
	timeout time.Duration
	// patient sessions keep their connection for as long as it lives, as a pool does; others leave it at any error.
	patient bool
	journal *journal
	// told is called after each write.
	told func(write)

	conn    *pgx.Conn
	primary string
	warned  bool
	seq     int64
}

// run writes until the context ends, and fails only when the journal does.
func (s *session) run(ctx context.Context) error {
	defer s.hangUp(ctx)
	for pause(ctx, s.think()) {
		if !s.connected(ctx) {
			continue
		}
		s.seq++
		w := s.write(ctx)
		if err := s.journal.append(w); err != nil {
			return fmt.Errorf("journal of session %d: %w", s.id, err)
		}
		s.told(w)
		if w.Outcome != acked && !s.patient {
			s.hangUp(ctx)
		}
	}
	return nil
}

// pause waits, and tells whether there is reason to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// connected tells whether there is a connection; it tries once to make one and learns whom it leads to. Another life of
// a server is another primary, also at the same address.
func (s *session) connected(ctx context.Context) bool {
	if s.conn != nil && !s.conn.IsClosed() {
		return true
	}
	s.hangUp(ctx)
	config := s.route().Copy()
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		s.warned = s.warned || n.SeverityUnlocalized == "WARNING"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*config.ConnectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	s.conn = conn
	err = conn.QueryRow(ctx, "SELECT host(inet_server_addr()) || ' since ' || pg_postmaster_start_time()::text",
		pgx.QueryExecModeExec).Scan(&s.primary)
	if err != nil {
		s.hangUp(ctx)
	}
	return err == nil
}

func (s *session) write(ctx context.Context) write {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.warned = false
	w := write{Session: s.id, Seq: s.seq, Primary: s.primary, Begun: now()}
	_, err := s.conn.Exec(ctx, s.insert, pgx.QueryExecModeExec, s.id, s.seq)
	w.Ended, w.Outcome = now(), judge(err, s.warned)
	if err != nil {
		w.Error = err.Error()
	}
	return w
}

// judge tells what an answer is worth. A commit whose wait for replicas was cancelled is answered with a warning and
// the usual success: it is on one member only and promises nothing. A FATAL error may strike a session between its
// commit and its answer.
func judge(err error, warned bool) outcome {
	if err == nil {
		if warned {
			return unknown
		}
		return acked
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.SeverityUnlocalized == "ERROR" {
		return refused
	}
	if pgconn.SafeToRetry(err) { // it was never sent
		return refused
	}
	return unknown
}

// hangUp closes the socket without a word: a goodbye to a server that is frozen or gone would wait.
func (s *session) hangUp(ctx context.Context) {
	if s.conn == nil {
		return
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = s.conn.Close(ended)
	s.conn = nil
}
