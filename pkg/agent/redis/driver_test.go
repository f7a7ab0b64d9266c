// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestAPrimary: from no data to a primary, down and up again.
func TestAPrimary(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.lead(1)
		o := a.glance()
		if want := (engine.Lineage{{Epoch: 1, Timeline: 1}}); !slices.Equal(o.Volume.Point.Lineage, want) {
			s.Errorf("the lineage is %v, want %v", o.Volume.Point.Lineage, want)
		}
		if !o.Volume.Standby || o.Volume.Exact || o.Volume.SystemID == "" {
			s.Errorf("a running primary's volume is %+v", o.Volume)
		}
		a.fill(0, 100)
		before := o.Volume.Point.Position
		o = a.stop()
		if !o.Volume.Exact || o.Volume.Point.Position < before || o.Volume.Standby || o.Crashes != 0 {
			s.Errorf("after a stop: %+v, %d crashes; was at %d", o.Volume, o.Crashes, before)
		}
		end := o.Volume.Point.Position
		b := s.cast(members[0], a) // a new life of the agent
		b.plan.SystemID = a.plan.SystemID
		o = b.lead(2)
		if b.keys() != 100 {
			s.Errorf("%d keys are left of 100", b.keys())
		}
		o = b.glance()
		want := engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: 2, Timeline: 2, Position: end}}
		if !slices.Equal(o.Volume.Point.Lineage, want) || o.Volume.Point.Position < end {
			s.Errorf("it goes on at %+v, want lineage %v from %d on", o.Volume.Point, want, end)
		}
	})
}

// TestKilled: what is said to be on the disk after a crash is, and the crash is counted.
func TestKilled(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.lead(1)
		s.cast(members[1], nil).follow(a) // a primary that never had a replica does not count
		a.fill(0, 100)
		noted := a.await("a note", func(o runbook.Observation) bool {
			return a.claim().Position == o.Volume.Point.Position && o.Volume.Point.Position > 100*100
		}).Volume.Point.Position
		a.fill(100, 100)
		o := a.kill()
		if o.Server.Running || o.Crashes != 1 || o.Volume.Exact || !o.Volume.Standby {
			s.Errorf("after a crash: %+v %+v, %d crashes", o.Server, o.Volume, o.Crashes)
		}
		if o.Volume.Point.Position != noted {
			s.Errorf("the claim is %d, was %d", o.Volume.Point.Position, noted)
		}
		o = a.nobody()
		if o.Volume.Point.Position != noted || a.keys() < 100 {
			s.Errorf("stands still at %d with %d keys, want %d", o.Volume.Point.Position, a.keys(), noted)
		}
	})
}

// TestReplicas: a failover keeps what replicas have, and the other replica needs no copy for it; the old primary gets
// one, since what it wrote alone is nobody's.
func TestReplicas(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b, c := s.cast(members[0], nil), s.cast(members[1], nil), s.cast(members[2], nil)
		a.lead(1)
		a.fill(0, 100)
		b.follow(a)
		c.follow(a)
		b.awaitKeys(100)
		c.awaitKeys(100)
		if a.info().ConnectedReplicas != 2 {
			s.Errorf("%d replicas", a.info().ConnectedReplicas)
		}
		a.await("both attached", func(o runbook.Observation) bool { return slices.Equal(o.Server.Attached, members[1:]) })
		if p, q := b.glance().Volume.Point, a.glance().Volume.Point; p.Position > q.Position {
			s.Errorf("the replica is at %v, its primary at %v", p, q)
		}
		b.await("data on the disk", func(o runbook.Observation) bool { return o.Volume.HasData })

		b.nobody()
		c.nobody()
		a.fill(1000, 7) // nobody has them
		b.lead(2)
		b.fill(200, 50)
		c.follow(b)
		c.awaitKeys(150)
		if text := b.client.Info(s.Context(), "stats").Val(); !contains(text, "sync_full:0", "sync_partial_ok:1") {
			s.Errorf("the other replica was given a copy:\n%s", text)
		}
		a.standing = engine.Standing{Part: engine.PartNobody}
		a.await("the end of the old primary", isDown)
		a.follow(b)
		a.awaitKeys(150)
		if o := a.glance(); o.Volume.Point.Lineage.Epoch() != 2 {
			s.Errorf("the old primary is at %+v", o.Volume.Point)
		}
		a.await("its copy on the disk", func(runbook.Observation) bool { return a.claim().Lineage.Epoch() == 2 })
	})
}

func contains(text string, all ...string) bool {
	return !slices.ContainsFunc(all, func(part string) bool { return !strings.Contains(text, part) })
}

// TestRestart: a primary that is restarted in place goes on in its tenure with all that it had.
func TestRestart(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b := s.cast(members[0], nil), s.cast(members[1], nil)
		a.lead(1)
		a.fill(0, 100)
		b.follow(a)
		b.awaitKeys(100)
		before := a.glance().Volume.Point
		a.settings(map[string]string{"databases": "20"})
		a.await("a pending restart", func(o runbook.Observation) bool { return slices.Equal(o.Pending, []string{"databases"}) })
		a.plan.RestartMember = a.name
		a.await("the end of the server", isDown)
		a.plan.RestartMember = ""
		o := a.await("a primary", writes)
		if o.Crashes != 0 || a.keys() != 100 || a.client.ConfigGet(s.Context(), "databases").Val()["databases"] != "20" {
			s.Errorf("%d crashes, %d keys", o.Crashes, a.keys())
		}
		if at := a.glance().Volume.Point; at.Position < before.Position || !slices.Equal(at.Lineage, before.Lineage) {
			s.Errorf("it goes on at %v, was at %v", at, before)
		}
		a.fill(100, 1)
		b.await("the stream", func(o runbook.Observation) bool { return o.Server.Streaming && b.keys() == 101 })
	})
}
