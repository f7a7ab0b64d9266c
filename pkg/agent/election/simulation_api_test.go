// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"strconv"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// link is a member's way to the API server.
type link int

const (
	linkGood link = iota
	// linkCut: packets are dropped, and whoever asks waits until the request times out.
	linkCut
	// linkRefused: whoever asks knows at once that nobody answers.
	linkRefused
	// linkDeaf: requests get there, answers do not come back.
	linkDeaf
)

// apiServer is the API server with its one Lease, the reports of the members, the watches and the operator that makes
// the Lease anew.
type apiServer struct {
	w       *world
	lease   election.Record // the zero Record while there is none
	written time.Duration
	uids    int
	version int
	down    bool
	reports map[*member]report
	// epochs is the highest epoch that a Lease was ever taken in.
	epochs int64
}

// report is what the operator reads from a member's pod.
type report struct {
	incarnation string
	// leading is the epoch in which it accepts writes, epoch the highest that it knows of.
	leading, epoch int64
}

func newAPIServer(w *world) *apiServer {
	a := &apiServer{w: w, reports: map[*member]report{}}
	a.create(election.Record{})
	return a
}

// create makes the Lease, as the operator does.
func (a *apiServer) create(r election.Record) {
	a.uids++
	r.UID, r.Duration = strconv.Itoa(a.uids), election.LeaseDuration
	a.store(r)
}

func (a *apiServer) store(r election.Record) {
	a.version++
	r.ResourceVersion = strconv.Itoa(a.version)
	a.lease, a.written = r, a.w.now
	a.notify()
}

// notify tells the watches, each in its time.
func (a *apiServer) notify() {
	for _, l := range a.w.lives {
		a.tell(l)
	}
}

// tell brings the Lease as it is now to one watch, after all that it was told before.
func (a *apiServer) tell(l *life) {
	if l.ended {
		return
	}
	r := a.show(l)
	l.watched = max(l.watched, a.w.now+a.w.delay())
	l.after(l.watched-a.w.now, theAgent, func() {
		if l.m.link == linkGood && !a.down {
			a.w.touch(func() { l.elector.LeaseChanged(r) })
		}
	})
}

// reconnect brings a member's link back. A watch that comes back begins with what there is.
func (a *apiServer) reconnect() {
	for _, l := range a.w.lives {
		if l.m.link == linkGood {
			a.tell(l)
		}
	}
}

// send brings a request to the API server. Now and then one arrives long after its sender has given up.
func (a *apiServer) send(r *request) {
	d := a.w.delay()
	if a.w.rng.IntN(500) == 0 {
		d = a.w.between(time.Second, 12*time.Second)
	}
	a.w.after(d, func() { a.receive(r) })
}

func (a *apiServer) receive(r *request) {
	l, by := r.from, r.from.m.link
	switch {
	case by == linkRefused || (a.down && by == linkGood):
		l.after(0, theAgent, func() { a.w.answer(r, answer{err: election.ErrNoAnswer}) })
		return
	case by == linkCut || a.down:
		return
	}
	reply := a.perform(r)
	a.w.after(a.w.delay(), func() {
		if l.m.link != linkGood || a.down {
			return
		}
		l.run(theAgent, func() { a.w.answer(r, reply) })
	})
}

func (a *apiServer) perform(r *request) answer {
	if r.from.barred {
		return answer{err: errForbidden}
	}
	if a.lease.UID == "" {
		return answer{err: election.ErrAbsent}
	}
	if r.kind == askLease {
		return answer{body: a.show(r.from)}
	}
	wanted := r.body.(election.Record)
	if wanted.UID != a.lease.UID || wanted.ResourceVersion != a.lease.ResourceVersion {
		return answer{err: election.ErrConflict}
	}
	if wanted.Holder != a.lease.Holder {
		a.w.log("Lease: %q -> %q, epoch %d, released %+v", a.lease.Holder, wanted.Holder, wanted.Epoch, wanted.Released)
	} else if !wanted.Quorum.Equal(a.lease.Quorum) {
		a.w.log("Lease: quorum %s", wanted.Quorum)
	}
	if wanted.Holder != "" && wanted.Holder != a.lease.Holder {
		if wanted.Epoch <= a.epochs && a.uids == 1 {
			a.w.violated("%s took the Lease in epoch %d, there was epoch %d", wanted.Holder, wanted.Epoch, a.epochs)
		}
		a.epochs = max(a.epochs, wanted.Epoch)
	}
	a.store(wanted)
	return answer{body: a.lease}
}

// report is what an agent writes into its pod. It tells whether it was written.
func (a *apiServer) report(l *life, r report) bool {
	if l.m.link != linkGood || a.down || l.barred || l.m.life != l {
		return false
	}
	a.reports[l.m] = r
	return true
}

// delete is somebody with kubectl. The operator makes the Lease anew, held by the primary that it knows of.
func (a *apiServer) delete(operatorTakes time.Duration) {
	if a.lease.UID == "" {
		return
	}
	a.w.log("Lease: deleted by hand")
	a.lease = election.Record{}
	a.notify()
	a.w.after(operatorTakes, func() {
		var known report
		for _, m := range a.w.members {
			r := a.reports[m]
			if r.leading > known.leading {
				known.incarnation, known.leading = r.incarnation, r.leading
			}
			known.epoch = max(known.epoch, r.epoch)
		}
		a.w.log("Lease: made anew, held by %q, epoch %d", known.incarnation, known.epoch)
		a.create(election.Record{Holder: known.incarnation, Epoch: known.epoch})
	})
}

// ended is the kubelet, which tells whoever watches that a container has terminated.
func (a *apiServer) ended(incarnation string) {
	for _, l := range a.w.lives {
		l.after(a.w.delay(), theAgent, func() {
			if l.m.link == linkGood && !a.down {
				a.w.touch(func() { l.elector.HolderEnded(incarnation) })
			}
		})
	}
}
