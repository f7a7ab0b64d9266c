// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestStorySameTimelineTwice is I6b: promoted, alone, lost, another promoted. Both promotions bear one timeline number,
// and the member that was lost comes back with it.
func TestStorySameTimelineTwice(t *testing.T) {
	t.Parallel()
	tell(t, relaxed, func(w *world) {
		first := w.settle()
		alone, other := w.others(first)[0], w.others(first)[1]
		first.life.end()
		other.life.end()
		w.newPrimary(first, 20*time.Second)
		w.pass(2 * time.Second)
		alone.life.end()
		other.revive()
		w.newPrimary(alone, 30*time.Second)
		w.pass(2 * time.Second)
		a, b := alone.volume.lineage, other.volume.lineage
		w.expect(a[1].Timeline == b[1].Timeline && a[1].Epoch != b[1].Epoch, "this is another story: %v, %v", a, b)
		alone.revive()
		first.revive()
		w.settle()
	})
}

// TestStoryAcrossAPromotion: the agent of a replica is stopped while its primary steps down and is promoted again. The
// engines find each other without it, and go on. What the replica flushes then must not count: its agent did not write
// the promotion down, and its vote would lose against older data that has it.
func TestStoryAcrossAPromotion(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) { w.acrossAPromotion() })
}

func (w *world) acrossAPromotion() {
	old := w.settle()
	behind, deaf := w.others(old)[0], w.others(old)[1]
	deaf.life.stop(false)
	behind.lag = 10 * time.Second
	for range 3 {
		w.pass(1500 * time.Millisecond)
		old.life.crash("killed")
	}
	w.await(40*time.Second, "the second promotion of "+old.name, func() bool {
		return len(w.judge.promotions) > 1 && w.primary() == old
	})
	behind.lag = 0
	w.pass(5 * time.Second)
	behind.lag = 10 * time.Second
	w.pass(3 * time.Second)
	old.life.end()
	behind.lag = 0
	deaf.life.resume()
	w.pass(40 * time.Second)
	old.revive()
	w.settle()
}

// TestStoryVoterRestarts: a voter forgets its promise when its agent restarts; what it promised holds all the same,
// since it begins as nobody and receives only from the holder that it reads in the Lease.
func TestStoryVoterRestarts(t *testing.T) {
	t.Parallel()
	for _, hard := range []bool{false, true} {
		tellOf(t, scenario{members: 3, durability: majority, hard: hard}, func(w *world) {
			old := w.settle()
			if hard {
				old.setRate(0.2) // it goes on while the others vote
			}
			heal := isolatePartly(w, old)
			epoch := w.api.lease.Epoch
			w.await(20*time.Second, "a candidate", func() bool { return w.api.lease.Epoch > epoch })
			w.pass(w.between(0, time.Second))
			for _, m := range w.others(old) {
				if m.name != election.MemberOf(w.api.lease.Holder) && m.life != nil {
					m.life.end()
					m.revive()
				}
			}
			w.newPrimary(old, 30*time.Second)
			w.pass(5 * time.Second)
			heal()
			old.setRate(1)
			w.settle()
		})
	}
}

// TestStoryVoteByChance: a voter has just restarted and receives from nobody yet, but its main loop has already read
// that it is to follow the old primary, which still runs. It must not vote before the loop has read otherwise.
func TestStoryVoteByChance(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 3, durability: majority, hard: true}, func(w *world) {
		old := w.settle()
		voter := w.others(old)[0]
		voter.life.end()
		w.pass(time.Second)
		old.setRate(0.1)
		heal := isolate(w, old)
		delete(w.cut, [2]*member{old, voter})
		delete(w.cut, [2]*member{voter, old})
		w.pass(w.api.written + election.LeaseDuration - w.now - w.between(0, 1200*time.Millisecond))
		voter.start().watched = w.now + 5*time.Second // it hears of the candidate when it is asked for its vote
		w.pass(8 * time.Second)
		heal()
		old.setRate(1)
		w.settle()
	})
}

// TestStoryEmptyVoter: a member that lost its volume counts for nothing, though the recorded quorum names it. The last
// copy of some writes is on the member that is away.
func TestStoryEmptyVoter(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		behind, level := w.others(old)[0], w.others(old)[1]
		behind.lag = 5 * time.Second
		w.pass(3 * time.Second)
		loseVolume(w, level)
		old.life.end()
		level.revive()
		behind.lag = 0
		w.pass(30 * time.Second)
		w.expect(w.primary() == nil, "a member was promoted that lacks acknowledged writes")
		old.revive()
		w.settle()
	})
}

// TestStoryVoterAhead is I6 (4): the holder finds that a voter has more, and hands the Lease to it.
func TestStoryVoterAhead(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		behind, ahead := w.others(old)[0], w.others(old)[1]
		behind.lag = 8 * time.Second
		w.pass(4 * time.Second)
		// Nobody hears of the one that is ahead before the other has the Lease.
		w.cut[[2]*member{behind, ahead}], w.cut[[2]*member{ahead, behind}] = true, true
		ahead.link = linkCut
		old.life.end()
		behind.lag = 0
		w.await(20*time.Second, "the Lease of the one that is behind", func() bool {
			return election.MemberOf(w.api.lease.Holder) == behind.name
		})
		clear(w.cut)
		ahead.link = linkGood
		w.api.reconnect()
		w.await(30*time.Second, "the promotion of the one that is ahead", func() bool { return w.primary() == ahead })
		old.revive()
		w.settle()
	})
}

// TestStoryRetainedVolumes is I10: of the volumes of a former cluster one is stale and one empty; nobody is primary
// until all have told what they have, and then the one with the most is.
func TestStoryRetainedVolumes(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		former := engine.Lineage{{Epoch: 7, Timeline: 1}, {Epoch: 9, Timeline: 2, Position: 4}}
		stale := volume{data: true, system: systemID, standby: true, wal: []int64{-1, -2, -3, -4}, lineage: former[:1]}
		newest := stale
		newest.wal, newest.lineage = []int64{-1, -2, -3, -4, -5, -6}, former
		stale.history, newest.history = stale.lineage, newest.lineage
		w.members[0].volume, w.members[2].volume = stale, newest
		w.plan.Initialiser, w.plan.Retained = "", slices.Clone(w.plan.Members)
		w.pass(310 * time.Millisecond)
		away := w.members[w.rng.IntN(3)]
		away.life.end()
		w.pass(30 * time.Second)
		w.expect(w.primary() == nil, "one is primary before all have told what they have")
		away.revive()
		w.settle()
		w.expect(w.primary() == w.members[2], "the newest data is not primary")
		w.expect(w.api.lease.Epoch > 9, "epoch %d was there before", w.api.lease.Epoch)
	})
}

// TestStoryBornOnce is I10: the member that may make data loses its volume after others have copied it.
func TestStoryBornOnce(t *testing.T) {
	t.Parallel()
	tell(t, majority, func(w *world) {
		old := w.settle()
		heal := loseVolume(w, old)
		w.pass(5 * time.Second)
		heal()
		w.settle()
	})
}

// TestStoryMemberAddedWhileCut is I9: a member that the holder has not listed was never asked to hold still, so it may
// not campaign, however long it sees nobody renew.
func TestStoryMemberAddedWhileCut(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 2, durability: relaxed}, func(w *world) {
		old := w.settle()
		old.link = linkCut
		w.pass(500 * time.Millisecond)
		added := w.addMember()
		w.replan(func(p *election.Plan) { p.Members = append(p.Members, added.name) })
		added.volume = volume{
			data: true, system: systemID, standby: true, wal: slices.Clone(old.volume.wal), lineage: old.volume.lineage,
			history: old.volume.history,
		}
		w.pass(40 * time.Second)
		w.expect(len(w.judge.promotions) == 1, "another was promoted")
		w.expect(w.now-w.lastAck(old.life) < time.Second, "the primary stopped")
		old.link = linkGood
		w.api.reconnect()
		w.settle()
	})
}

// TestStoryGrowth: members are added while clients write; writes go on, and end up under the larger quorum.
func TestStoryGrowth(t *testing.T) {
	t.Parallel()
	tellOf(t, scenario{members: 1, durability: majority}, func(w *world) {
		w.settle()
		for range 2 {
			w.replan(func(p *election.Plan) { p.Members = append(p.Members, memberName(len(p.Members))) })
			w.await(10*time.Second, "the listing of the new member", func() bool {
				return len(w.api.lease.Electorate) == len(w.plan.Members)
			})
			w.addMember()
			w.pass(2 * time.Second)
			w.settle()
		}
		w.expect(len(w.judge.promotions) == 1, "another was promoted")
	})
}
