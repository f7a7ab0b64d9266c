// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"time"
)

// session is one client: it writes its own numbers, one row each, one after another, and never a number twice, since
// only then is a second row of it the database's doing.
type session struct {
	id     int
	engine *engine
	// table is where it writes.
	table string
	// route tells where to connect; it may change while the session lives.
	route func() *route
	// think is the pause before each write.
	think func() time.Duration
	// timeout bounds a write. Then its outcome is unknown and the connection is given up.
	timeout time.Duration
	// patient sessions keep their connection for as long as it lives, as a pool does; others leave it at any error.
	patient bool
	journal *journal
	// told is called after each write.
	told func(write)

	conn conn
	life string
	seq  int64
}

// run writes until the context ends, and fails only when the journal does.
func (s *session) run(ctx context.Context) error {
	defer s.hangUp()
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
			s.hangUp()
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

// connected tells whether there is a connection; it tries once to make one.
func (s *session) connected(ctx context.Context) bool {
	if s.conn != nil && !s.conn.broken() {
		return true
	}
	s.hangUp()
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	conn, life, err := s.engine.connect(ctx, *s.route())
	if err != nil {
		return false
	}
	s.conn, s.life = conn, life
	return true
}

func (s *session) write(ctx context.Context) write {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	w := write{Session: s.id, Seq: s.seq, Primary: s.life, Begun: now()}
	var err error
	w.Outcome, err = s.conn.write(ctx, s.table, s.id, s.seq)
	w.Ended = now()
	if c, retries := s.conn.(retrier); retries {
		s.life = c.primary()
		w.Primary = s.life
	}
	if err != nil {
		w.Error = err.Error()
	}
	return w
}

func (s *session) hangUp() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
}
