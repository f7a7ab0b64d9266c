// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// requestKind is what an Elector can ask of the world.
type requestKind int

const (
	askTimer   requestKind = iota
	askArmed               // a guard's alarm; nobody waits for an answer
	askChanged             // a pass of the main loop; likewise
	askFence
	askLease
	askUpdate
	askState
	askVote
	askVouch
	askFarewell
	askAnswer // an Elector has made up its mind about a vote that it was asked for
)

// request is what an Elector has asked for. The Elector's goroutine waits for the answer, or reads the timer's channel.
type request struct {
	from  *life
	kind  requestKind
	to    string
	body  any
	wait  time.Duration
	reply chan answer
	timer chan time.Time
	over  bool
	// serial counts the requests; about is the one that an askAnswer answers.
	serial int
	about  *request
}

// compare puts requests that were made at one moment into an order.
func (r *request) compare(other *request) int {
	order := cmp.Or(cmp.Compare(r.from.id, other.from.id), cmp.Compare(r.kind, other.kind),
		cmp.Compare(r.to, other.to), cmp.Compare(r.wait, other.wait))
	if order == 0 && r.about != nil {
		return cmp.Compare(r.about.serial, other.about.serial)
	}
	return order
}

// answer is what comes back.
type answer struct {
	body any
	err  error
}

var (
	errSilence   = errors.New("no answer")
	errRefused   = errors.New("connection refused")
	errForbidden = errors.New("the token is not valid any more")
)

// put hands a request to the world. It is called by goroutines of Electors.
func (l *life) put(r *request) {
	r.from = l
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.asked = append(l.w.asked, r)
}

// ask hands over a request and waits for the answer. The context is not looked at: the world answers whatever is asked,
// and at the latest when the request times out or the life ends, so that nothing happens at a moment of its own.
func (l *life) ask(kind requestKind, to string, body any) answer {
	r := &request{kind: kind, to: to, body: body, reply: make(chan answer, 1)}
	l.put(r)
	return <-r.reply
}

// begin takes up a request.
func (w *world) begin(r *request) {
	l := r.from
	w.order++
	r.serial = w.order
	switch r.kind {
	case askChanged:
		l.hurry()
		return
	case askArmed:
		l.awaitDeadline()
		return
	case askAnswer:
		w.peerAnswers(r.about, l.m, r.body)
		return
	case askTimer:
		w.judge.turned(l)
		l.after(time.Duration(float64(r.wait)/l.m.rate)+1, theAgent, func() {
			w.touch(func() { r.timer <- time.Time{} })
		})
		return
	default:
	}
	if l.ended {
		r.reply <- answer{err: errSilence}
		return
	}
	l.open = append(l.open, r)
	if r.kind == askFence {
		l.after(w.between(0, election.FenceTime*9/10), theAgent, func() {
			l.killEngine("fenced by its agent")
			l.deadline = 0
			w.answer(r, answer{})
		})
		return
	}
	l.after(election.RequestTimeout-time.Microsecond, theAgent, func() { w.answer(r, answer{err: errSilence}) })
	// Between the decision and the sending the agent may be stopped, or die.
	l.after(w.between(0, time.Millisecond), theAgent, func() {
		if r.kind == askLease || r.kind == askUpdate {
			w.api.send(r)
		} else {
			w.peerSend(r)
		}
	})
}

// answer gives the answer to whoever waits for it. The first counts.
func (w *world) answer(r *request, a answer) {
	if r.over {
		return
	}
	r.over = true
	w.touch(func() { r.reply <- a })
}

// The Clock of a life.

func (l *life) Now() time.Duration { return l.m.clock() }

func (l *life) After(d time.Duration) <-chan time.Time {
	r := &request{kind: askTimer, wait: d, timer: make(chan time.Time, 1)}
	l.put(r)
	return r.timer
}

// The Leases of a life.

func (l *life) Get(context.Context) (election.Record, error) {
	return unpack[election.Record](l.ask(askLease, "", nil), election.ErrNoAnswer)
}

func (l *life) Update(_ context.Context, r election.Record) (election.Record, error) {
	return unpack[election.Record](l.ask(askUpdate, "", r), election.ErrNoAnswer)
}

// The Peers of a life.

func (l *life) State(_ context.Context, m string) (election.State, error) {
	return unpack[election.State](l.ask(askState, m, nil), nil)
}

func (l *life) Vote(_ context.Context, m string, q election.VoteRequest) (election.Vote, error) {
	return unpack[election.Vote](l.ask(askVote, m, q), nil)
}

func (l *life) Vouch(_ context.Context, m string, q election.VouchRequest) (election.Voucher, error) {
	return unpack[election.Voucher](l.ask(askVouch, m, q), nil)
}

func (l *life) Farewell(_ context.Context, m string, f election.Farewell) error {
	return l.ask(askFarewell, m, f).err
}

// unpack gives an answer its type. Silence may have another name.
func unpack[T any](a answer, silence error) (T, error) {
	if errors.Is(a.err, errSilence) && silence != nil {
		a.err = silence
	}
	body, _ := a.body.(T)
	return body, a.err
}

// The Engine of a life.

func (l *life) Arm(until time.Duration) error {
	l.deadline = until
	l.put(&request{kind: askArmed})
	return nil
}

func (l *life) Fence(string) { l.ask(askFence, "", nil) }
