// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestDemote: a primary that resigns loses nothing of what it acknowledged until its last moment, stays a server that
// answers, and its applications have to come again.
func TestDemote(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b := s.cast(members[0], nil), s.cast(members[1], nil)
		a.plan.Users = []engine.PlanUser{{Name: "app", Verifier: redis.PasswordRule("open sesame")}}
		b.plan.Users = a.plan.Users
		a.lead(1)
		b.follow(a)
		a.options.Reached = func(context.Context, string) (engine.Point, error) {
			return b.glance().Volume.Point, nil //nolint:contextcheck // an actor looks in the context of its stage
		}
		a.await("a replica", func(o runbook.Observation) bool { return slices.Equal(o.Server.Attached, members[1:2]) })
		acknowledged := make(chan int)
		go func() { acknowledged <- s.writeAsApp(a) }()
		a.await("writes", func(runbook.Observation) bool { return a.keys() > 100 })

		a.standing, a.closed = engine.Standing{Part: engine.PartResign, Epoch: 1}, true
		o := a.await("to have resigned", func(o runbook.Observation) bool { return runbook.Facts(o).Resigned })
		written := <-acknowledged
		if !slices.Contains(a.took, runbook.StepDemote) || slices.Contains(a.took, runbook.StepStopServer) {
			s.Errorf("it resigned by %v", a.took)
		}
		successor := b.nobody()
		if order := successor.Volume.Point.Compare(o.Volume.Point); order != 0 {
			s.Errorf("the successor is at %v, it resigned at %v", successor.Volume.Point, o.Volume.Point)
		}
		b.lead(2)
		if b.keys() < int64(written) {
			s.Errorf("%d writes were acknowledged, and the successor has %d", written, b.keys())
		}
		a.closed = false
		a.follow(b)
		if text := b.client.Info(s.Context(), "stats").Val(); !contains(text, "sync_full:0", "sync_partial_ok:1") {
			s.Errorf("who resigned needed a copy:\n%s", text)
		}
		if err := s.app(a, "open sesame").Ping(s.Context()).Err(); err != nil {
			s.Errorf("the replica is still closed: %v", err)
		}
	})
}

// TestDrained: what a replica's agent says counts where the server has not heard from the replica for a moment.
func TestDrained(t *testing.T) {
	t.Parallel()
	lineage := engine.Lineage{promotion(1, 0)}
	at := func(position uint64) engine.Point { return engine.Point{Lineage: lineage, Position: position} }
	for name, tt := range map[string]struct {
		told    int64
		state   string
		reached engine.Point
		err     error
		want    bool
	}{
		"the server has heard it":               {100, "online", engine.Point{}, errNobodyToAsk, true},
		"its agent says so":                     {40, "online", at(150), nil, true},
		"its agent says that it is behind":      {40, "online", at(149), nil, false},
		"its agent says nothing":                {40, "online", engine.Point{}, errNobodyToAsk, false},
		"it has the data of an older promotion": {40, "online", engine.Point{Position: 150}, nil, false},
		"it is given a copy":                    {0, "send_bulk", engine.Point{}, errNobodyToAsk, true},
	} {
		reached := func(_ context.Context, member string) (engine.Point, error) {
			if member != members[1] {
				t.Errorf("%s: %s was asked", name, member)
			}
			return tt.reached, tt.err
		}
		d := New(Options{Member: members[0], Root: t.TempDir(), Reached: reached})
		d.run.history = history{id: "h", base: 50, lineage: lineage}
		seen := Info{replication: replication{Role: rolePrimary, ReplicationID: "h", Offset: 100, Replicas: []Replica{
			{Host: members[1] + ".orders-db.default.svc", State: tt.state, Offset: tt.told},
		}}}
		if got := d.drained(t.Context(), seen); got != tt.want {
			t.Errorf("%s: drained is %v, want %v", name, got, tt.want)
		}
	}
}

// app is a client that logs in as an application does.
func (s *stage) app(a *actor, password string) *goredis.Client {
	s.Helper()
	client := connect(Access{Socket: a.access.Socket, Username: "app", Password: password}, "app")
	s.Cleanup(func() { _ = client.Close() })
	return client
}

// writeAsApp writes until it is thrown out, and counts what was acknowledged.
func (s *stage) writeAsApp(a *actor) int {
	client := connect(Access{Socket: a.access.Socket, Username: "app", Password: "open sesame"}, "app")
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	for n := 0; ; n++ {
		if err := client.Set(ctx, fmt.Sprint("app:", n), "value", 0).Err(); err != nil {
			return n
		}
	}
}

// TestCalledOff: a primary whose switchover is called off is primary again in the same tenure, and its replica goes on.
func TestCalledOff(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b := s.cast(members[0], nil), s.cast(members[1], nil)
		a.lead(1)
		a.fill(0, 10)
		b.follow(a)
		a.standing = engine.Standing{Part: engine.PartResign, Epoch: 1}
		o := a.await("to have resigned", func(o runbook.Observation) bool { return runbook.Facts(o).Resigned })
		again := a.lead(1)
		a.fill(10, 10)
		if !slices.Equal(o.Volume.Point.Lineage, a.glance().Volume.Point.Lineage) {
			s.Errorf("the lineage was %v and is %v", o.Volume.Point.Lineage, again.Volume.Point.Lineage)
		}
		b.awaitKeys(20)
		if text := a.client.Info(s.Context(), "stats").Val(); !contains(text, "sync_full:1", "sync_partial_ok:1") {
			s.Errorf("its replica needed another copy:\n%s", text)
		}
	})
}

// TestQuorum: writes are refused while too few replicas are there, and what is said to be flushed by a quorum is.
func TestQuorum(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b := s.cast(members[0], nil), s.cast(members[1], nil)
		two := engine.MajorityOf(2, members[:2])
		a.lead(1)
		a.standing.Quorum = two
		a.await("the quorum in force", func(o runbook.Observation) bool { return o.Server.Enforced.Equal(two) })
		if err := a.client.Set(s.Context(), "key", "value", 0).Err(); err == nil {
			s.Error("a write was acknowledged without its quorum")
		}
		if o := a.glance(); o.Server.Flushed.Equal(two) {
			s.Errorf("flushed %v by nobody", o.Server.Flushed)
		}
		b.follow(a)
		a.await("the barrier", func(o runbook.Observation) bool { return o.Server.Flushed.Equal(two) })
		s.must(a.client.Set(s.Context(), "key", "value", 0).Err())

		b.nobody()
		b.standing = engine.Standing{Part: engine.PartLead, Epoch: 2, Quorum: two}
		b.await("a primary", writes)
		if err := b.client.Set(s.Context(), "key", "other", 0).Err(); err == nil {
			s.Error("a new primary acknowledged a write before anybody followed it")
		}
	})
}

// TestEmptyPrimary: whoever holds data follows nobody that has not been elected for this cluster's data, whatever a
// restarted or empty server looks like.
func TestEmptyPrimary(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b, empty := s.cast(members[0], nil), s.cast(members[1], nil), s.cast(members[2], nil)
		a.lead(1)
		a.fill(0, 50)
		b.follow(a)
		b.awaitKeys(50)
		b.await("data on the disk", func(o runbook.Observation) bool { return o.Volume.HasData })
		empty.lead(2) // as if somebody had made data a second time
		b.primary, b.standing = empty, engine.Standing{Part: engine.PartFollow, Epoch: 2, Primary: empty.name}
		b.await("to stand still", still)
		for range 20 {
			b.pass()
		}
		if o := b.glance(); b.keys() != 50 || o.Server.Primary != "" {
			s.Errorf("%d keys are left, following %q", b.keys(), o.Server.Primary)
		}
		// The old primary is killed and comes back with less than its replica. It is not promoted, so nobody follows it.
		a.kill()
		a.nobody()
		b.primary, b.standing = a, engine.Standing{Part: engine.PartFollow, Epoch: 3, Primary: a.name}
		for range 20 {
			a.pass()
			b.pass()
		}
		if b.keys() != 50 {
			s.Errorf("%d keys are left", b.keys())
		}
	})
}

// TestFirstCopy: a member counts as having data when its first copy is on the disk, and not before.
func TestFirstCopy(t *testing.T) {
	t.Parallel()
	for form, settings := range forms {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			onEachStage(t, func(s *stage) {
				a, b := s.cast(members[0], nil), s.cast(members[1], nil)
				a.settings(settings)
				b.settings(settings)
				a.lead(1)
				a.fill(0, 50)
				b.primary, b.plan.SystemID = a, a.plan.SystemID
				b.standing = engine.Standing{Part: engine.PartFollow, Epoch: 1, Primary: a.name}
				o := b.await("room for a copy", func(o runbook.Observation) bool { return o.Volume.Broken })
				if o.Volume.HasData || o.Volume.SystemID != "" {
					s.Errorf("an empty member has %+v", o.Volume)
				}
				b.await("data", func(o runbook.Observation) bool { return o.Volume.HasData })
				b.await("the stream", streams)
				if claim := b.claim(); claim.SystemID != a.plan.SystemID || claim.Form != form || claim.Copying {
					s.Errorf("the disk is said to have %+v", claim)
				}
				b.kill()
				b.nobody()
				want := int64(50)
				if form == formNothing {
					want = 0
				}
				if b.keys() != want {
					s.Errorf("%d keys after a crash, want %d", b.keys(), want)
				}
				a.plan.Rebuild, b.plan.Rebuild = nil, &engine.Rebuild{ID: "r1", Member: b.name}
				b.follow(a)
				if o := b.glance(); o.Volume.Rebuilt != "r1" || b.keys() != 50 {
					s.Errorf("rebuilt %q with %d keys", o.Volume.Rebuilt, b.keys())
				}
			})
		})
	}
}

// TestStopDuringTheFirstLog: a server whose first log is being written refuses to end, and is asked again.
func TestStopDuringTheFirstLog(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a, b := s.cast(members[0], nil), s.cast(members[1], nil)
		b.settings(map[string]string{"rdb-key-save-delay": "2000"}) // microseconds for each key
		a.lead(1)
		a.fill(0, 1000)
		b.follow(a)
		if !rewriting(b.info()) {
			s.Fatal("the log is there already")
		}
		b.standing, b.plan.PowerState = engine.Standing{Part: engine.PartNobody}, "Stopped"
		b.await("the stop to begin", func(runbook.Observation) bool { return !b.run.asked.IsZero() })
		b.plan.PowerState = "Running" // what was begun comes to its end
		if o := b.await("the end", isDown); o.Crashes != 0 {
			s.Errorf("%d crashes", o.Crashes)
		}
		if b.lead(2); b.keys() != 1000 {
			s.Errorf("%d keys of 1000 are left", b.keys())
		}
	})
}

// forms are the settings by which a server writes its data in each form.
var forms = map[form]map[string]string{
	formLog:      {"appendonly": "yes", "save": ""},
	formSnapshot: {"appendonly": "no", "save": "3600 1"},
	formNothing:  {"appendonly": "no", "save": ""},
}
