// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// peerSend brings a call to another member.
func (w *world) peerSend(r *request) {
	to := w.member(r.to)
	w.after(w.delay(), func() {
		switch {
		case to == nil || !w.reaches(r.from.m, to):
			return // the caller waits until the request times out
		case to.life == nil:
			w.peerFails(r, to)
			return
		}
		l := to.life
		l.run(theAgent, func() { w.peerCalled(r, l) })
	})
}

// peerFails tells the caller that nobody listens there.
func (w *world) peerFails(r *request, to *member) {
	if w.reaches(to, r.from.m) {
		r.from.run(theAgent, func() { w.answer(r, answer{err: errRefused}) })
	}
}

// peerCalled is the call at the other end.
func (w *world) peerCalled(r *request, l *life) {
	switch r.kind {
	case askState:
		w.peerAnswers(r, l.m, l.elector.State())
	case askVouch:
		w.peerAnswers(r, l.m, l.elector.Vouch(r.body.(election.VouchRequest)))
	case askFarewell:
		w.touch(func() { l.elector.Farewell(r.body.(election.Farewell)) })
		w.peerAnswers(r, l.m, nil)
	case askVote:
		ctx, hangUp := context.WithCancel(l.ctx)
		l.after(election.RequestTimeout, theAgent, func() { w.touch(hangUp) })
		w.touch(func() {
			go func() {
				defer hangUp()
				v := l.elector.Vote(ctx, r.body.(election.VoteRequest))
				l.put(&request{kind: askAnswer, about: r, body: v})
			}()
		})
	default:
	}
}

// peerAnswers brings the answer back. Where the network is bad one in a hundred gets lost.
func (w *world) peerAnswers(r *request, from *member, body any) {
	if v, ok := body.(election.Vote); ok && v.Granted {
		w.log("%s votes for %s in epoch %d at %v", from.name, r.from.incarnation, v.Epoch, v.Point)
	}
	if w.long > 0 && w.chance(1) {
		return
	}
	w.after(w.delay(), func() {
		if w.reaches(from, r.from.m) {
			r.from.run(theAgent, func() { w.answer(r, answer{body: body}) })
		}
	})
}
