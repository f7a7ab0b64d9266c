// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"time"
)

// stream is a connection over which a replica receives.
type stream struct {
	from, to *process
	sent     int
	moving   bool
	noted    int64
	// closed: the receiver has let go, or the sender died. What is on its way to the receiver is lost; what is on its way
	// back is not.
	closed bool
}

// follow makes a replica connect to a member, until it is told otherwise.
func (p *process) follow(member string, epoch int64) {
	p.follows, p.since, p.exact = member, epoch, false
	p.noted = p.v.lineage.Epoch()
	p.connect(p.l.w.between(time.Millisecond, 50*time.Millisecond))
}

// connect tries to connect, now and whenever the connection is lost. Nobody looks at the lineage here: the agent did,
// once.
func (p *process) connect(in time.Duration) {
	follows, since := p.follows, p.since
	p.after(in, func() {
		if p.follows != follows || p.since != since || p.primary || p.ending {
			return
		}
		if p.upstream == nil || p.upstream.closed {
			p.dial(p.l.w.member(follows))
		}
		p.connect(p.l.w.between(200*time.Millisecond, 1200*time.Millisecond))
	})
}

// dial is the handshake of a replica with whom it follows.
func (p *process) dial(to *member) {
	p.detach()
	if to.life == nil || to.life.process == nil || !p.l.w.connected(p.l.m, to) {
		return
	}
	sender := to.life.process
	if !sender.running() || !accepts(sender.v, p.v) {
		return
	}
	if !isPrefix(p.v.wal, sender.v.wal) {
		p.l.w.violated("%s follows %s, but its data is no beginning of that one's: %v, %v",
			p.l.incarnation, sender.l.incarnation, p.v.point(), sender.v.point())
		return
	}
	s := &stream{from: sender, to: p, sent: len(p.v.wal), noted: p.noted}
	p.upstream = s
	sender.streams = append(slices.DeleteFunc(sender.streams, func(s *stream) bool { return s.closed }), s)
	s.confirm(s.sent)
	s.push()
}

// accepts is all that PostgreSQL checks: that the replica's timeline number is in the sender's history, and did not end
// there before the replica's position.
func accepts(sender, replica *volume) bool {
	mine, theirs := replica.history, sender.history
	if len(mine) == 0 || len(replica.wal) > len(sender.wal) {
		return false
	}
	for i, p := range slices.Backward(theirs) {
		if p.Timeline == mine[len(mine)-1].Timeline {
			return i+1 == len(theirs) || theirs[i+1].Position >= uint64(len(replica.wal))
		}
	}
	return false
}

func isPrefix(short, long []int64) bool {
	// Records are unique, so the last one tells of all before.
	return len(short) <= len(long) && (len(short) == 0 || short[len(short)-1] == long[len(short)-1])
}

// pump sends what is new to everybody.
func (p *process) pump() {
	for _, s := range p.streams {
		s.push()
	}
}

// push sends all that the sender has, one message at a time.
func (s *stream) push() {
	if s.closed || s.moving || s.from.dead || s.sent >= len(s.from.v.wal) {
		return
	}
	s.moving = true
	chunk, history := slices.Clone(s.from.v.wal[s.sent:]), s.from.v.history
	w := s.from.l.w
	s.carry(w.delay()+s.to.l.m.lag, s.from.l.m, s.to, func() {
		if s.closed {
			return
		}
		s.moving = false
		s.to.v.wal, s.to.v.history = append(s.to.v.wal, chunk...), history
		s.sent += len(chunk)
		s.confirm(s.sent)
		s.to.pump()
		s.from.after(0, s.push)
	})
}

// counts says whether the primary may count on what the replica has flushed. It must not while the replica's agent has
// not written down the primary's last promotion: its vote would tell of an older lineage than the data has.
func (s *stream) counts() bool {
	return s.noted == s.from.v.lineage.Epoch() || s.from.l.w.broken == brokenNote
}

// confirm tells the sender what is flushed.
func (s *stream) confirm(position int) {
	w := s.from.l.w
	s.carry(w.delay(), s.to.l.m, s.from, func() {
		name := s.to.l.m.name
		if s.counts() && position > s.from.confirmed[name] {
			s.from.confirmed[name] = position
			s.from.commit()
		}
	})
}

// carry brings a message to an engine. While the way is cut it is sent again and again, as TCP does.
func (s *stream) carry(in time.Duration, from *member, to *process, deliver func()) {
	w := from.w
	w.after(in, func() {
		switch {
		case to.dead:
		case !w.reaches(from, to.l.m):
			s.carry(w.between(200*time.Millisecond, 400*time.Millisecond), from, to, deliver)
		default:
			to.after(0, deliver)
		}
	})
}

// attached are the members that receive from this engine and are level with it.
func (p *process) attached() []string {
	var names []string
	for _, s := range p.streams {
		m := s.to.l.m
		level := p.confirmed[m.name] >= len(p.v.wal)-5 && p.l.w.connected(p.l.m, m)
		if !s.closed && s.counts() && level && !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	slices.Sort(names)
	return names
}
