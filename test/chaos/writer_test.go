// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// The sessions of a trial. Those through the Service are what applications are, and come first; of them the last leaves
// its connection at any error. insider writes straight to the primary from inside its node and waits for an answer
// however long it takes: it is there when the node is cut off.
const (
	throughService = 5
	insider        = throughService
)

// The patience of a session through the Service, as applications have it.
const (
	connectTimeout = time.Second
	writeTimeout   = 3 * time.Second
)

// writer is all sessions of a trial.
type writer struct {
	folder  string
	service atomic.Pointer[route]
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	last    [insider + 1]write // the last acknowledgement to each session
	acked   int
	failed  error
	changed chan struct{} // closed at the next change
}

// plan is what the seed decides about the writer, and where it writes.
type plan struct {
	engine *engine
	folder string
	table  string
	// service leads to whatever is primary, inside to the primary of now from its own node.
	service, inside route
	// pace is the mean pause between the writes of a session.
	pace time.Duration
	seed uint64
}

func startWriter(ctx context.Context, p plan) (*writer, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &writer{folder: p.folder, stop: stop, changed: make(chan struct{})}
	w.service.Store(&p.service)
	for id := range insider + 1 {
		s, err := w.newSession(id, p)
		if err != nil {
			stop()
			return nil, err
		}
		w.running.Go(func() { w.end(s.run(ctx)) })
	}
	return w, nil
}

func (w *writer) newSession(id int, p plan) (*session, error) {
	journal, err := newJournal(p.folder, id)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(p.seed, uint64(id)))
	s := &session{
		id: id, engine: p.engine, table: p.table, journal: journal, told: w.tell,
		timeout: writeTimeout, patient: id < throughService-1, route: w.service.Load,
		think: func() time.Duration { return time.Duration(random.Int64N(int64(2 * p.pace))) },
	}
	if id == insider {
		s.timeout, s.route = time.Hour, func() *route { return &p.inside }
	}
	return s, nil
}

// retarget leads sessions that connect anew to another Service.
func (w *writer) retarget(service route) { w.service.Store(&service) }

// tell notes what became of a write.
func (w *writer) tell(x write) {
	if x.Outcome != acked {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[x.Session] = x
	w.acked++
	w.wake()
}

func (w *writer) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = errors.Join(w.failed, err)
	w.wake()
}

func (w *writer) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// await waits until the last acknowledgements of all sessions through the Service are as wanted.
func (w *writer) await(ctx context.Context, what string, wanted func(write) bool) error {
	for {
		silent, changed, err := w.missing(wanted)
		if err != nil || silent == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w; not so for sessions %v", what, ctx.Err(), silent)
		case <-changed:
		}
	}
}

// missing gives the sessions whose last acknowledgement is not as wanted, and what closes at the next change.
func (w *writer) missing(wanted func(write) bool) (sessions []int, changed <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, last := range w.last[:throughService] {
		if !wanted(last) {
			sessions = append(sessions, id)
		}
	}
	return sessions, w.changed, w.failed
}

// lastAck is the newest acknowledgement to a session.
func (w *writer) lastAck(session int) write {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[session]
}

// close ends all sessions; what they were about to write is unknown then.
func (w *writer) close() error {
	w.stop()
	w.running.Wait()
	return w.failed
}
