// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestFailover: a copy follows, is promoted, and the old primary, which wrote more, is rewound and follows it.
func TestFailover(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a, b := s.enter(members[0]), s.enter(members[1])
		a.found()
		a.exec("CREATE TABLE public.kept AS SELECT 1 AS n")
		b.join(a)
		flushesByQuorum(a, b)
		b.detaches(a)

		s.must(b.Follow(s.ctx, b.plan, runbook.Source{}))
		b.await("an exact end", exact)
		a.exec("INSERT INTO public.kept VALUES (2)")
		a.kill()
		b.rise(2)
		b.exec("INSERT INTO public.kept VALUES (3)")
		promoted := b.observe()
		if l := promoted.Volume.Point.Lineage; l.Epoch() != 2 || l[1].Timeline != 2 || l[1].Position == 0 ||
			promoted.Volume.Exact || promoted.Volume.Standby {
			s.Errorf("after the promotion: %+v", promoted.Volume)
		}
		a.rewinds(b)
		s.eventually("what b has, and nothing else", func() bool {
			return ask[string](a, "SELECT string_agg(n::text, ',' ORDER BY n) FROM public.kept") == "0,1,3"
		})
	})
}

// join copies the data of a primary and follows it.
func (a *actor) join(primary *actor) {
	a.s.Helper()
	a.observe()
	a.s.must(a.Clone(a.s.ctx, a.plan, primary.source()))
	if o := a.observe(); !o.Volume.HasData || !o.Volume.Standby || o.Volume.Exact {
		a.s.Errorf("a copy is %+v", o.Volume)
	}
	a.s.must(a.StartReplica(a.s.ctx, a.plan, primary.source()))
	a.await("the stream", streams)
	a.tend()
}

// flushesByQuorum: the barrier counts when the replica has flushed it, and the replica is seen to be level.
func flushesByQuorum(a, b *actor) {
	a.s.Helper()
	two := engine.MajorityOf(2, members[:2])
	a.s.must(a.Enforce(a.s.ctx, a.plan, two))
	o := a.await("the barrier", func(o runbook.Observation) bool {
		a.tend()
		return o.Server.Flushed.Equal(two) && slices.Equal(o.Server.Attached, []string{b.name})
	})
	state := postgresql.DecodePeerState(o.Tells)
	if !state.Checkpointed || state.Oldest == 0 || state.Slots["atlasdb_1"] == 0 {
		a.s.Errorf("the primary tells %+v", state)
	}
}

// detaches: who lets go of the primary is known to the last byte once all is applied, and not before; following again
// ends that.
func (a *actor) detaches(primary *actor) {
	a.s.Helper()
	if o := a.observe(); o.Volume.Exact || !o.Server.Receiving {
		a.s.Errorf("while it follows: %+v, receiving %v", o.Volume, o.Server.Receiving)
	}
	a.s.must(a.Follow(a.s.ctx, a.plan, runbook.Source{}))
	at := a.await("an exact end", exact)
	if at.Server.Receiving || at.Server.Primary != "" {
		a.s.Errorf("exact, and yet receiving: %+v", at.Server)
	}
	primary.s.must(primary.Enforce(a.s.ctx, primary.plan, primary.lead(1).Quorum))
	primary.exec("INSERT INTO public.kept VALUES (0)")
	if o := a.observe(); !o.Volume.Exact || o.Volume.Point.Position != at.Volume.Point.Position {
		a.s.Errorf("an exact end moved from %d to %d", at.Volume.Point.Position, o.Volume.Point.Position)
	}
	if o := a.stop(); !o.Volume.Exact || o.Volume.Point.Position != at.Volume.Point.Position {
		a.s.Errorf("a stop moved the end from %d to %d", at.Volume.Point.Position, o.Volume.Point.Position)
	}
	a.s.must(a.StartReplica(a.s.ctx, a.plan, primary.source()))
	a.await("the stream", streams)
	a.s.eventually("what was missed", func() bool { return ask[int](a, "SELECT count(*)::int FROM public.kept") == 2 })
}

// rewinds: an old primary finds out how far it came, and that it must go back; then it does.
func (a *actor) rewinds(primary *actor) {
	a.s.Helper()
	a.s.must(a.StartReplica(a.s.ctx, a.plan, runbook.Source{}))
	o := a.await("an exact end", exact)
	if r := o.Volume.Point.Relate(primary.observe().Volume.Point.Lineage); r != engine.RelationRewind {
		a.s.Errorf("%v to %v is %s", o.Volume.Point, primary.observe().Volume.Point.Lineage, r)
	}
	a.stop()
	a.s.eventually("the first checkpoint", func() bool {
		primary.tend()
		return postgresql.DecodePeerState(primary.observe().Tells).Checkpointed
	})
	a.s.must(a.Rewind(a.s.ctx, primary.source()))
	if o := a.observe(); !o.Volume.Broken || o.Volume.Rewound != primary.name || !o.Volume.Standby || o.Volume.Exact {
		a.s.Errorf("after the rewind: %+v", o.Volume)
	}
	a.s.must(a.StartReplica(a.s.ctx, a.plan, primary.source()))
	o = a.await("the stream", streams)
	if o.Volume.Broken || o.Volume.Rewound != "" || o.Volume.Point.Lineage.Epoch() != 2 {
		a.s.Errorf("after it came up: %+v", o.Volume)
	}
}

// TestRewindThatFails: what it leaves is not taken for data, neither now nor by the next life of the agent.
func TestRewindThatFails(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		if o := a.stop(); !o.Volume.Exact {
			s.Errorf("after a clean stop: %+v", o.Volume)
		}
		if err := a.Rewind(s.ctx, runbook.Source{Member: members[1], Host: s.socket(members[1])}); err == nil {
			s.Error("it was rewound to a server that is down")
		}
		if o := a.observe(); !o.Volume.Broken || o.Volume.Rewound != "" || o.Volume.Exact {
			s.Errorf("volume %+v", o.Volume)
		}
	})
}

// TestCutOffPromotion: an agent that dies while it promotes leaves a lineage that the next one completes, if the
// promotion happened, or takes back.
func TestCutOffPromotion(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := s.enter(members[0])
		a.found()
		a.stop()
		s.must(a.StartReplica(s.ctx, a.plan, runbook.Source{}))
		o := a.await("an exact end", exact)
		next := o.Volume.Point.Lineage.With(engine.Promotion{Epoch: 2})

		s.must(a.volume.expect(next))
		if o := a.observe(); o.Volume.Point.Lineage.Epoch() != 1 || !o.Volume.Standby {
			s.Errorf("before it happened: %+v", o.Volume)
		}
		s.must(a.volume.expect(next))
		a.exec("SELECT pg_promote(true, 30)")
		o = a.await("the promotion", writes)
		if l := o.Volume.Point.Lineage; l.Epoch() != 2 || l[1].Timeline != 2 || l[1].Position == 0 || o.Volume.Standby {
			s.Errorf("after it happened: %+v", o.Volume)
		}
	})
}

// TestSlots: a replica keeps its slots where the primary has them, and never beyond what it has applied itself.
func TestSlots(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a, b := s.enter(members[0]), s.enter(members[1])
		a.found()
		b.join(a)
		end := ask[int64](b, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")
		a.exec("SELECT pg_switch_wal()")
		a.exec("CREATE TABLE public.more AS SELECT 1 AS n")
		s.eventually("what was written", func() bool {
			return ask[bool](b, "SELECT to_regclass('public.more') IS NOT NULL")
		})
		at := func() int64 {
			return ask[int64](b, "SELECT (restart_lsn - '0/0')::bigint FROM pg_replication_slots WHERE slot_name = 'atlasdb_2'")
		}
		if before := at(); before > end {
			s.Fatalf("the slot is at %d, beyond %d", before, end)
		}
		s.must(b.db.advanceSlots(s.ctx, map[string]uint64{"atlasdb_2": uint64(end)}))
		if got := at(); got != end {
			s.Errorf("the slot is at %d, want %d", got, end)
		}
		s.must(b.db.advanceSlots(s.ctx, map[string]uint64{"atlasdb_2": 1 << 60, "atlasdb_7": 5}))
		applied := ask[int64](b, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")
		if got := at(); got <= end || got > applied {
			s.Errorf("the slot is at %d, want it beyond %d and not beyond %d", got, end, applied)
		}
		s.must(b.db.keepSlots(s.ctx, []string{"atlasdb_0"}))
		if left := ask[string](b, "SELECT string_agg(slot_name, ',') FROM pg_replication_slots"); left != "atlasdb_0" {
			s.Errorf("slots %q are left", left)
		}
		oldest, err := b.db.oldest(s.ctx)
		s.must(err)
		if oldest == 0 || oldest%(16<<20) != 0 || oldest > uint64(end) {
			s.Errorf("the oldest position is %d", oldest)
		}
	})
}

// TestRaise: a replica whose plan has less than the primary starts all the same.
func TestRaise(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a, b := s.enter(members[0]), s.enter(members[1])
		a.settings("max_connections = '130'\n")
		b.settings("max_connections = '90'\n")
		a.found()
		b.join(a)
		if got := ask[string](b, "SHOW max_connections"); got != "130" {
			s.Errorf("the replica has max_connections %s", got)
		}
	})
}
