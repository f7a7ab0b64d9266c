// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

var both = []v1alpha1.Durability{majority, relaxed}

// TestStoryContainerEnded is I5 c: death that is proved needs no waiting.
func TestStoryContainerEnded(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		incarnation := old.life.incarnation
		old.life.end()
		w.after(time.Second, func() { w.api.ended(incarnation) })
		w.newPrimary(old, 4*time.Second)
		old.revive()
		w.settle()
	})
}

// TestStoryForceDelete is I5 d and I11: the pod that was deleted by force may not write the Lease any more, but says to
// its peers that its engine is dead. The next pod of the name finds the volume locked until then.
func TestStoryForceDelete(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				l := old.life
				l.barred = true
				l.terminate()
				old.start()
				w.await(6*time.Second, "the next primary", func() bool { return w.primary() != nil && old.life != l })
				w.after(5*time.Second, l.end)
				w.settle()
			})
		})
	}
}

// TestStoryPodDeleted is I5 b: a primary that stops in order hands over, and nothing is lost under any durability.
func TestStoryPodDeleted(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				l := old.life
				l.terminate()
				w.awaitEnd(l)
				next := w.newPrimary(old, 6*time.Second)
				w.judge.all(&next.volume, next.name)
				w.settle()
			})
		})
	}
}

// TestStoryHeir: only a member that has everything is named, though another one answers too; and while none has, nobody
// is.
func TestStoryHeir(t *testing.T) {
	t.Parallel()
	tell(t, relaxed, func(w *world) {
		old := w.settle()
		behind, level := w.others(old)[0], w.others(old)[1]
		behind.lag = 20 * time.Second
		w.pass(5 * time.Second)
		l := old.life
		l.terminate()
		w.after(10*time.Second, l.end)
		next := w.newPrimary(old, 10*time.Second)
		w.expect(next == level, "%s was named, and is behind", next.name)
		w.judge.all(&next.volume, next.name)
		behind.lag = 0
		w.pass(10 * time.Second)
		old.revive()
		w.settle()
	})
}

// TestStorySwitchover hands over to the member that was asked for, without a loss under any durability.
func TestStorySwitchover(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				target := w.others(old)[w.rng.IntN(2)]
				w.replan(func(p *election.Plan) {
					p.Switchover = &engine.Switchover{ID: "1", From: old.name, Target: target.name}
				})
				next := w.newPrimary(old, 6*time.Second)
				w.expect(next == target, "%s is primary, %s was asked for", next.name, target.name)
				w.judge.all(&next.volume, next.name)
				w.settle()
			})
		})
	}
}

// TestStorySwitchoverToNobody: a target that is not there is refused, and the primary goes on.
func TestStorySwitchoverToNobody(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		target := w.others(old)[0]
		target.life.end()
		w.pass(3 * time.Second)
		w.replan(func(p *election.Plan) {
			p.Switchover = &engine.Switchover{ID: "1", From: old.name, Target: target.name}
		})
		w.pass(15 * time.Second)
		refused := old.life.elector.Report().Switchover
		w.expect(refused != nil && refused.ID == "1", "the switchover was not refused")
		w.expect(w.now-w.lastAck(old.life) < time.Second, "the primary stopped")
		target.revive()
		w.settle()
	})
}

// TestStoryLeaseDeleted: the Lease is made anew in the name of the primary, and nobody else takes it.
func TestStoryLeaseDeleted(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				w.api.delete(w.between(50*time.Millisecond, 500*time.Millisecond))
				w.pass(15 * time.Second)
				w.expect(w.settle() == old, "another than %s became primary", old.name)
			})
		})
	}
}

// TestStoryEngineKilled: the engine restarts where its data is; nobody is promoted, even though the log has a tail that
// no replica has.
func TestStoryEngineKilled(t *testing.T) {
	t.Parallel()
	for _, d := range both {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tell(t, d, func(w *world) {
				old := w.settle()
				old.life.crash("killed")
				w.pass(1500 * time.Millisecond)
				w.expect(w.primary() == old, "the engine did not restart in place")
				w.settle()
				w.expect(len(w.judge.promotions) == 1, "another was promoted")
			})
		})
	}
}

// TestStoryEngineForgets: the disk of a primary that died lacks what it acknowledged. One of its replicas has all of
// that, but its agent is slow when positions are compared. The vote of the disk would do; the other one is waited for.
func TestStoryEngineForgets(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 3, durability: majority, forgets: true}, func(w *world) {
		old := w.settle()
		behind, level := w.others(old)[0], w.others(old)[1]
		behind.lag = 5 * time.Second
		w.pass(2 * time.Second)
		level.life.stop(false)
		epoch := w.api.lease.Epoch
		old.forget(len(behind.volume.wal))
		w.await(5*time.Second, "a candidate", func() bool { return w.api.lease.Epoch > epoch })
		behind.lag = 0
		w.pass(w.between(0, 200*time.Millisecond))
		level.life.resume()
		w.after(600*time.Millisecond, level.life.hurry) // an agent whose engine stands still looks at it often
		w.expect(w.newPrimary(old, 5*time.Second) == level, "a member was promoted that lacks acknowledged writes")
		w.settle()
	})
}

// TestStoryEngineForgetsAndSilentPeer: who does not answer is not waited for longer than an answer may take.
func TestStoryEngineForgetsAndSilentPeer(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 3, durability: majority, forgets: true}, func(w *world) {
		old := w.settle()
		successor, silent := w.others(old)[0], w.others(old)[1]
		silent.life.stop(true)
		w.pass(time.Second)
		old.forget(len(successor.volume.wal) - 1)
		w.expect(w.newPrimary(old, 15*time.Second) == successor, "another was promoted")
		silent.life.resume()
		w.settle()
	})
}

// TestStoryTwoMembers: with one of two down writes wait, and the other is not promoted if it may lack some.
func TestStoryTwoMembers(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 2, durability: majority}, func(w *world) {
		old := w.settle()
		replica := w.others(old)[0]
		replica.life.end()
		w.pass(time.Second)
		acks := len(w.judge.acks)
		w.pass(30 * time.Second)
		w.expect(len(w.judge.acks) == acks, "writes were acknowledged that one member has")
		old.life.end()
		replica.revive()
		w.pass(30 * time.Second)
		w.expect(w.primary() == replica, "all that was acknowledged is on %s, and it is not primary", replica.name)
		old.revive()
		w.settle()
	})
}

// TestStorySlowReplica: a replica that is 10 s slow leaves the quorum, comes back to it, and nobody fails over.
func TestStorySlowReplica(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		slow := w.others(old)[0]
		slow.lag = 10 * time.Second
		w.pass(30 * time.Second)
		w.expect(!slices.Contains(w.api.lease.Quorum.Members, slow.name), "the slow member counts: %s", w.api.lease.Quorum)
		w.expect(w.now-w.lastAck(old.life) < 2*time.Second, "the primary stopped")
		slow.lag = 0
		w.settle()
		w.expect(len(w.judge.promotions) == 1, "another was promoted")
	})
}
