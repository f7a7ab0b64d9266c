// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"errors"
	"time"
)

// No turn waits for an answer. A request runs beside, and what it brings is taken over under the lock.

// ask runs a request; what it returns is called under the lock.
func (e *Elector) ask(request func(ctx context.Context) (apply func())) {
	go func() {
		ctx, cancel := context.WithTimeout(e.ctx, RequestTimeout)
		defer cancel()
		e.update(request(ctx))
	}()
}

// read reads the Lease from the API server. At most one such request is on its way.
func (e *Elector) read(now time.Duration) {
	if e.reading || (e.readAt > 0 && now-e.readAt < retryEvery) {
		return
	}
	e.reading, e.readAt = true, now
	e.ask(func(ctx context.Context) func() {
		r, err := e.Leases.Get(ctx)
		return func() {
			e.reading = false
			if err == nil {
				e.see(r, e.Clock.Now())
			}
		}
	})
}

// write writes the Lease as a change of the record that was judged. done is called under the lock.
func (e *Elector) write(r Record, done func(error)) {
	e.busy = true
	e.ask(func(ctx context.Context) func() {
		written, err := e.Leases.Update(ctx, r)
		return func() { //nolint:contextcheck // a read that follows has its own time, in e.ctx
			e.busy = false
			if err == nil {
				e.see(written, e.Clock.Now())
			}
			done(err)
			if errors.Is(err, ErrConflict) {
				e.readAt = 0 // what is there now decides: another's write, or our own whose answer was lost
				e.read(e.Clock.Now())
			}
		}
	})
}
