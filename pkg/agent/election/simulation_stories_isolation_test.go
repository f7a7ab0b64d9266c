// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// isolated is by when an isolated primary has acknowledged its last write, by whatever clock.
const isolated = (election.RenewDeadline + election.FenceTime) * 101 / 100

// TestStoryIsolatedPrimary is I4: the primary stops first, with its sessions open, and another follows in time.
func TestStoryIsolatedPrimary(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				l, cut := old.life, w.now
				heal := isolate(w, old)
				w.newPrimary(old, 13*time.Second)
				w.expect(w.lastAck(l) <= cut+isolated, "the isolated primary acknowledged after %s", w.lastAck(l)-cut)
				w.pass(20 * time.Second)
				heal()
				w.settle()
			})
		})
	}
}

// TestStoryCutFromAPIOnly is I9: as long as all peers vouch for it, the primary stays, although nobody else could tell
// it from one that is dead.
func TestStoryCutFromAPIOnly(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				for _, way := range []link{linkRefused, linkCut, linkDeaf} {
					old.link = way
					w.pass(20 * time.Second)
					w.expect(w.now-w.lastAck(old.life) < time.Second, "the primary stopped, although its peers vouch for it")
				}
				w.expect(len(w.judge.promotions) == 1, "another was promoted")
			})
		})
	}
}

// TestStoryAPIOutage is I9: no failover for a minute without an API server.
func TestStoryAPIOutage(t *testing.T) {
	t.Parallel()
	for _, members := range []int{2, 3, 5} {
		tellOf(t, scenario{members: members, durability: majority}, func(w *world) { w.outage() })
	}
}

// TestStoryAPIOutageAndSilentPeer: without the word of every peer the primary cannot know, and stops.
func TestStoryAPIOutageAndSilentPeer(t *testing.T) {
	t.Parallel()
	tell(t, relaxed, func(w *world) {
		old := w.settle()
		l, cut := old.life, w.now
		peer := w.others(old)[0]
		w.cut[[2]*member{old, peer}] = true
		heal := apiDown(w, nil)
		w.pass(30 * time.Second)
		w.expect(w.lastAck(l) <= cut+isolated, "the primary acknowledged after %s", w.lastAck(l)-cut)
		clear(w.cut)
		heal()
		w.settle()
	})
}

// TestStoryRestartInOutage is I9: an agent that restarts without an API server comes up as a replica, never as primary.
func TestStoryRestartInOutage(t *testing.T) {
	t.Parallel()
	tell(t, relaxed, func(w *world) {
		old := w.settle()
		heal := apiDown(w, nil)
		w.pass(time.Second)
		old.life.end()
		old.revive()
		w.pass(20 * time.Second)
		w.expect(w.primary() == nil, "it is primary without having read the Lease")
		heal()
		w.settle()
	})
}

// TestStoryAgentStopped: the guard ends what the agent cannot (I4).
func TestStoryAgentStopped(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				l, cut := old.life, w.now
				l.stop(false)
				w.newPrimary(old, 13*time.Second)
				w.expect(w.lastAck(l) <= cut+isolated, "it acknowledged for %s", w.lastAck(l)-cut)
				w.pass(5 * time.Second)
				l.resume()
				w.settle()
			})
		})
	}
}

// TestStoryGuardKilled: no guard, no writable engine; then the same member goes on.
func TestStoryGuardKilled(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		killGuard(w, old)
		w.pass(100 * time.Millisecond)
		w.settle()
		w.expect(len(w.judge.promotions) == 1, "another was promoted")
	})
}

// TestStoryFrozenContainer: everything in the container stops with commits in flight, while replicas still receive;
// when it thaws, the acknowledgements that were on their way to it arrive before its guard acts. Under Majority none of
// these may be of a write that the new primary does not have.
func TestStoryFrozenContainer(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 3, durability: majority, hard: true}, func(w *world) {
		old := w.settle()
		l := old.life
		for len(l.process.pending) == 0 && w.wrong == "" {
			w.pass(time.Millisecond)
		}
		l.stop(true)
		// It thaws while others vote, promote, or have long been at work.
		w.pass(w.between(8*time.Second, 14*time.Second))
		l.resume()
		w.pass(time.Second)
		w.expect(l.process == nil || !l.process.primary || l.armed(), "nothing ended the engine that thawed")
		w.settle()
	})
}

// TestStorySlowClock: the primary believes that it has time when it has not. Under Majority that loses nothing.
func TestStorySlowClock(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 3, durability: majority, hard: true}, func(w *world) {
		old := w.settle()
		old.setRate(0.2)
		heal := isolatePartly(w, old)
		w.newPrimary(old, 40*time.Second)
		w.pass(20 * time.Second)
		heal()
		old.setRate(1)
		w.settle()
	})
}

// TestStoryLateWrite: a write to the Lease that arrives long after its sender has given up changes nothing.
func TestStoryLateWrite(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		var late *request
		for late == nil && w.wrong == "" {
			w.pass(time.Millisecond)
			for _, r := range old.life.open {
				if r.kind == askUpdate && !r.over {
					late = r
				}
			}
		}
		heal := isolate(w, old)
		next := w.newPrimary(old, 14*time.Second)
		w.api.perform(late)
		w.expect(w.api.lease.Holder == next.life.incarnation, "a late write took the Lease from %s", next.name)
		heal()
		w.settle()
	})
}
