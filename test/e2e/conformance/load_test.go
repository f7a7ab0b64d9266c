// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// pace is the time between two writes of an application that is patient.
const pace = 20 * time.Millisecond

// patience is how long an application waits for the answer to a write before it tries in another session.
const patience = 2 * time.Second

// writer is an application that writes one record after the other. It keeps a session and opens another when that
// fails; a record without an acknowledgement it writes again.
type writer struct {
	open    func(context.Context) (session, error)
	session session
	// records is how many were acknowledged, and pause the longest that one of them took.
	records atomic.Int64
	pause   time.Duration
}

func (d *database) newWriter() *writer {
	w := &writer{open: d.openForWrites}
	w.records.Store(int64(d.records))
	return w
}

// openForWrites opens a session of an application that writes, and notes whom it has come to where that may be anybody.
func (d *database) openForWrites(ctx context.Context) (session, error) {
	s, err := d.open(ctx, readWrite)
	if err != nil {
		return nil, err
	}
	if anybody, ok := s.(interface {
		Member(ctx context.Context) (string, error)
	}); ok {
		member, err := anybody.Member(ctx)
		if err != nil {
			s.Close()
			return nil, err
		}
		d.talksTo.Store(member)
	}
	return s, nil
}

// next writes the next record until it is acknowledged. When time is up it tells why the last try failed that was not
// cut short by that.
func (w *writer) next(ctx context.Context) error {
	began := time.Now()
	var last error
	for {
		err := w.try(ctx)
		if err == nil {
			w.records.Add(1)
			w.pause = max(w.pause, time.Since(began))
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pace):
		}
	}
}

func (w *writer) try(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if w.session == nil {
		if w.session, err = w.open(ctx); err != nil {
			w.session = nil
			return err
		}
	}
	if err = w.session.Write(ctx, int(w.records.Load())+1); err != nil {
		w.close()
	}
	return err
}

func (w *writer) close() {
	if w.session != nil {
		w.session.Close()
	}
	w.session = nil
}

// write stores as many records more.
func (d *database) write(records int) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), frame.Deadline)
	defer cancel()
	w := d.newWriter()
	defer w.close()
	for range records {
		d.Must(w.next(ctx))
	}
	d.records = int(w.records.Load())
	d.Step("wrote %d records", records)
}

// underLoad does something while an application writes, and then looks for every record that was acknowledged. What is
// done may wait until writes go on. How long they paused is printed: it is a figure, and no promise of this suite.
func (d *database) underLoad(do func(goOn func())) {
	d.Helper()
	began, w := d.records, d.newWriter()
	stop, ended := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(d.Context())
	defer cancel()
	go func() { ended <- w.keepWriting(ctx, stop) }()
	d.Eventually("an application writes", func(context.Context) error {
		if w.records.Load() == int64(began) {
			return errors.New("nothing is acknowledged")
		}
		return nil
	})
	do(func() {
		d.Helper()
		// The next one may have been under way before; those after that were not, and go everywhere.
		enough := w.records.Load() + 1 + int64(d.engine.keys)
		d.Eventually("writes go on", func(context.Context) error {
			if w.records.Load() < enough {
				return errors.New("no write is acknowledged")
			}
			return nil
		})
	})
	close(stop)
	d.Must(<-ended)
	d.records = int(w.records.Load())
	d.Step("%d writes meanwhile were acknowledged; the longest took %s", d.records-began,
		w.pause.Round(10*time.Millisecond))
	d.mustBeWhole()
}

// keepWriting writes until it is told to stop. The last record must be acknowledged in time as well.
func (w *writer) keepWriting(ctx context.Context, stop <-chan struct{}) error {
	defer w.close()
	for {
		record, cancel := context.WithTimeout(ctx, frame.Deadline)
		err := w.next(record)
		cancel()
		if err != nil {
			return fmt.Errorf("a write was not acknowledged in %s: %w", frame.Deadline, err)
		}
		select {
		case <-stop:
			return nil
		case <-time.After(pace):
		}
	}
}
