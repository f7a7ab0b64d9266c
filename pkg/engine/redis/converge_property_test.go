// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

const (
	me    = "orders-db-1"
	other = "orders-db-0"
	third = "orders-db-2"
	epoch = 5
	ours  = "7"
)

// Data of this member, and what it is to that of the primary, which was promoted in epoch 5 at 100.
var (
	primaryLineage = engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: epoch, Timeline: epoch, Position: 100}}
	beginning      = engine.Point{Lineage: primaryLineage[:1], Position: 90}
	level          = engine.Point{Lineage: primaryLineage, Position: 150}
	strayed        = engine.Point{Lineage: primaryLineage[:1], Position: 120}
	forgetful      = engine.Point{Lineage: primaryLineage, Position: 40}
	stranger       = engine.Point{Lineage: engine.Lineage{{Epoch: 3, Timeline: 3}}, Position: 50}
)

// way is one in which observations differ.
type way func(*observation)

// parts are all that the election can ask for.
var parts = map[string]way{
	"silent":  func(o *observation) { o.Standing = engine.Standing{} },
	"nobody":  func(o *observation) { o.Standing.Part = engine.PartNobody },
	"yield":   func(o *observation) { o.Standing.Part = engine.PartYield },
	"resign":  func(o *observation) { o.Standing.Part = engine.PartResign },
	"lead":    func(o *observation) { o.Standing.Part, o.Standing.Quorum = engine.PartLead, pair },
	"found":   func(o *observation) { o.Standing.Part, o.Standing.Found = engine.PartLead, true },
	"follow":  func(o *observation) { o.Standing.Part, o.Standing.Primary = engine.PartFollow, other },
	"astray":  func(o *observation) { o.Standing.Part, o.Standing.Primary = engine.PartFollow, "nobody-we-know" },
	"no name": func(o *observation) { o.Standing.Part = engine.PartFollow },
}

var pair = engine.MajorityOf(3, []string{other, me, third})

// worlds are all else that a rule looks at, in domains that are small enough for every combination. They contradict
// each other here and there: a rule must be safe even then, since what it sees was read from several places at several
// times.
var worlds = [][]way{
	{
		func(*observation) {},
		func(o *observation) { o.Volume.Locked = false },
		func(o *observation) { o.Stopping = true },
		func(o *observation) { o.Plan.FencedMembers = []string{me} },
		func(o *observation) { o.Plan.Rebuild = &engine.Rebuild{ID: "r1", Member: me} },
		func(o *observation) { o.Plan.RestartMember, o.Pending = me, []string{"databases"} },
	},
	{func(*observation) {}, func(o *observation) { o.Plan.SystemID = "" }},
	{
		func(o *observation) { o.Volume = runbook.Volume{Locked: o.Volume.Locked} },
		func(o *observation) { o.Volume = runbook.Volume{Locked: o.Volume.Locked, Broken: true} },
		func(o *observation) { o.Volume.SystemID = "8" },
		func(o *observation) { o.Volume.Point = beginning },
		func(o *observation) { o.Volume.Point = level },
		func(o *observation) { o.Volume.Point = strayed },
		func(o *observation) { o.Volume.Point = forgetful },
		func(o *observation) { o.Volume.Point = stranger },
	},
	{func(*observation) {}, func(o *observation) { o.Volume.Standby = o.Volume.HasData }},
	{func(*observation) {}, func(o *observation) { o.Volume.Exact = o.Volume.HasData }},
	{
		func(o *observation) { o.Server = runbook.Server{} },
		func(o *observation) { o.Server = runbook.Server{Running: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Primary: other} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true} },
		func(o *observation) { o.Server = replicaOf(other, epoch) },
		func(o *observation) { o.Server = replicaOf(other, 1) },
		func(o *observation) { o.Server = replicaOf(third, 1) },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, Enforced: pair} },
	},
	{
		func(*observation) {},
		func(o *observation) { o.Primary = runbook.PrimaryState{} },
		func(o *observation) { o.Primary.Leading = 0 },
		func(o *observation) { o.Primary.Leading = epoch - 1 },
		func(o *observation) { o.Primary.SystemID = "8" },
		func(o *observation) { o.Primary.Engine = nil },
	},
}

// told is what the primary tells of its history.
var told = PeerState{History: "abc"}.Encode()

func replicaOf(primary string, noted int64) runbook.Server {
	return runbook.Server{
		Running: true, Accepting: true, InRecovery: true, Streaming: true, Primary: primary, Timeline: noted,
	}
}

// everywhere calls visit with every combination for a part.
func everywhere(part way, visit func(observation)) {
	var descend func(o observation, axes [][]way)
	descend = func(o observation, axes [][]way) {
		if len(axes) == 0 {
			visit(o)
			return
		}
		for _, change := range axes[0] {
			next := o
			change(&next)
			descend(next, axes[1:])
		}
	}
	o := observation{
		Member: me, Standing: engine.Standing{Epoch: epoch},
		Volume:  runbook.Volume{Locked: true, HasData: true, SystemID: ours},
		Primary: runbook.PrimaryState{Known: true, Leading: epoch, SystemID: ours, Lineage: primaryLineage, Engine: told},
		Plan:    engine.Plan{SystemID: ours, Members: []engine.PlanMember{{Name: other}, {Name: me}, {Name: third}}},
	}
	part(&o)
	descend(o, worlds)
}

func leads(o observation) bool { return o.Standing.Part == engine.PartLead }

func is(s step, kinds ...runbook.StepKind) bool { return slices.Contains(kinds, s.Kind) }

// promises are what no observation whatever may make a step break; broken is asked with the step that was chosen.
var promises = []struct {
	name   string
	broken func(o observation, s step) bool
}{
	{"a step has a reason", func(_ observation, s step) bool { return s.Reason == "" }},
	{"without the volume's lock nothing happens on it", func(o observation, s step) bool {
		return !o.Volume.Locked && !is(s, runbook.StepWait, runbook.StepExit)
	}},
	{"before the election spoke nothing begins", func(o observation, s step) bool {
		return o.Standing.Part == "" && !is(s, runbook.StepWait, runbook.StepStopServer, runbook.StepExit)
	}},
	{"only who is asked to lead becomes primary", func(o observation, s step) bool {
		return !leads(o) &&
			is(s, runbook.StepInitialise, runbook.StepStartPrimary, runbook.StepPromote, runbook.StepEnforce)
	}},
	{"data is made once", func(o observation, s step) bool {
		return is(s, runbook.StepInitialise) && (!o.Standing.Found || o.Volume.HasData || o.Plan.SystemID != "")
	}},
	// The worst that operators of Redis are known for: a primary that has restarted, or has no data, and whose replicas
	// follow it and throw away theirs.
	{"who holds data follows a promoted primary of this data and nobody else", func(o observation, s step) bool {
		promoted := o.Primary.Leading == o.Standing.Epoch && o.Primary.SystemID == o.Plan.SystemID && o.Plan.SystemID != ""
		return s.Primary != "" && !is(s, runbook.StepClone) &&
			(!promoted || o.Primary.Engine == nil || s.Primary != other || o.Standing.Primary != other)
	}},
	{"nobody follows before it is known where its own data ends", func(o observation, s step) bool {
		return is(s, runbook.StepFollow) && s.Primary != "" && !o.Volume.Broken && !o.Volume.Exact
	}},
	{"data is thrown away for a new copy on demand only", func(o observation, s step) bool {
		demanded := o.Plan.Rebuild != nil && runbook.CanCopy(o) && !runbook.Foreign(o)
		return is(s, runbook.StepClone) && o.Volume.HasData && !demanded
	}},
	{"who has forgotten what it acknowledged in a tenure does not lead again in it", func(o observation, s step) bool {
		return is(s, runbook.StepPromote, runbook.StepStartPrimary) &&
			o.Volume.Standby && o.Volume.Point.Lineage.Epoch() == o.Standing.Epoch
	}},
	{"a replica is promoted when it stands still", func(o observation, s step) bool {
		return is(s, runbook.StepPromote) && (!o.Volume.Exact || o.Server.Primary != "" || !o.Server.InRecovery)
	}},
	{"data that may lack something is never started as a primary's", func(o observation, s step) bool {
		return is(s, runbook.StepStartPrimary) && o.Volume.Standby
	}},
	{"a first copy that is not complete is nobody's data", func(o observation, s step) bool {
		return o.Volume.Broken && is(s, runbook.StepStartPrimary, runbook.StepPromote, runbook.StepClone)
	}},
	{"foreign data is left alone", func(o observation, s step) bool {
		return runbook.Foreign(o) && is(s, runbook.StepInitialise, runbook.StepClone, runbook.StepStartReplica,
			runbook.StepStartPrimary, runbook.StepFollow, runbook.StepPromote, runbook.StepEnforce, runbook.StepTend)
	}},
	{"who promised to receive from nobody does not", func(o observation, s step) bool {
		return o.Standing.Part != engine.PartFollow && s.Primary != ""
	}},
	{"a server that takes no orders is given none but to end", func(o observation, s step) bool {
		return o.Server.Running && !o.Server.Accepting && o.Volume.Locked && o.Volume.HasData &&
			!is(s, runbook.StepWait, runbook.StepStopServer)
	}},
	{"only a primary that resigns is demoted", func(o observation, s step) bool {
		return is(s, runbook.StepDemote) && (o.Standing.Part != engine.PartResign || o.Server.InRecovery)
	}},
	{"a fenced replica goes down and stays down", func(o observation, s step) bool {
		return len(o.Plan.FencedMembers) > 0 && !leads(o) &&
			!is(s, runbook.StepWait, runbook.StepStopServer, runbook.StepDemote)
	}},
	{"only the pod's end ends the agent, and after the server", func(o observation, s step) bool {
		return is(s, runbook.StepExit) && (!o.Stopping || (o.Server.Running && o.Volume.Locked))
	}},
	{"a server is started when it is down, and told when it runs", func(o observation, s step) bool {
		if is(s, runbook.StepInitialise, runbook.StepStartPrimary, runbook.StepStartReplica) {
			return o.Server.Running && o.Volume.HasData
		}
		return !o.Server.Running && is(s, runbook.StepStopServer, runbook.StepDemote, runbook.StepFollow,
			runbook.StepPromote, runbook.StepEnforce, runbook.StepTend)
	}},
}

// TestConvergeKeepsItsPromises tries every combination, and counts that every step was among the answers: a promise
// about a step that never comes would hold without meaning anything.
func TestConvergeKeepsItsPromises(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	all := map[runbook.StepKind]bool{}
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := map[runbook.StepKind]bool{}
			everywhere(part, func(o observation) {
				s := runbook.Converge(Runbook, o)
				steps[s.Kind] = true
				for _, p := range promises {
					if p.broken(o, s) {
						t.Fatalf("%s: %s %q (%s) on %+v", p.name, s.Kind, s.Primary, s.Reason, o)
					}
				}
			})
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all, steps)
		})
	}
	t.Cleanup(func() {
		for _, kind := range []runbook.StepKind{
			runbook.StepWait, runbook.StepDemote, runbook.StepStopServer, runbook.StepExit, runbook.StepInitialise,
			runbook.StepClone, runbook.StepStartPrimary, runbook.StepStartReplica, runbook.StepFollow, runbook.StepPromote,
			runbook.StepEnforce, runbook.StepTend,
		} {
			if !all[kind] {
				t.Errorf("step %s never came", kind)
			}
		}
	})
}

// TestEveryMemberComesToRest carries the steps out in a model: whatever a member begins with, it gets where the
// election wants it, and stays there.
func TestEveryMemberComesToRest(t *testing.T) {
	t.Parallel()
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(part, func(begin observation) {
				o := begin
				for range 12 {
					arrive(&o)
					before, s := o, runbook.Converge(Runbook, o)
					carryOut(&o, s)
					if reflect.DeepEqual(o, before) {
						restsWell(t, begin, o, s)
						return
					}
				}
				t.Fatalf("no rest: now %+v\nbegan as %+v", o, begin)
			})
		})
	}
}

// restsWell says whether a member got as far as what it has allows.
func restsWell(t *testing.T, begin, o observation, s step) {
	t.Helper()
	able := o.Volume.Locked && !o.Stopping && !runbook.Foreign(o) && o.Plan.SystemID != ""
	_, wait := neverLeadWithLess(o)
	leader := leads(o) && o.Volume.HasData && !wait
	follower := o.Standing.Part == engine.PartFollow && o.Standing.Primary == other && runbook.CanCopy(o) &&
		o.Primary.Engine != nil && len(o.Plan.FencedMembers) == 0
	if able && (leader || follower) && !is(s, runbook.StepTend) {
		t.Fatalf("rests in %s (%s) as %+v\nbegan as %+v", s.Kind, s.Reason, o, begin)
	}
}

// arrive lets happen what only takes time.
func arrive(o *observation) {
	s := &o.Server
	if s.Running && !s.Accepting {
		s.Accepting, s.InRecovery = true, true
	}
	if s.Running && s.InRecovery {
		o.Volume.Exact = s.Primary == ""
	}
	if s.Running && s.Primary != "" && s.Timeline == epoch && o.Volume.Broken {
		o.Volume.Broken, o.Volume.HasData, o.Volume.SystemID, o.Volume.Point = false, true, ours, level
	}
}

// carryOut does to the model what a driver does to a server.
func carryOut(o *observation, s step) {
	switch s.Kind {
	case runbook.StepStopServer:
		o.Server, o.Pending = runbook.Server{}, nil
		o.Volume.Exact = o.Volume.HasData
	case runbook.StepInitialise:
		o.Volume = runbook.Volume{Locked: true, HasData: true, SystemID: ours, Exact: true}
		o.Volume.Point = engine.Point{Lineage: engine.Lineage{{Epoch: epoch, Timeline: epoch}}}
	case runbook.StepClone:
		o.Volume = runbook.Volume{Locked: true, Broken: true}
		if o.Plan.Rebuild != nil {
			o.Volume.Rebuilt = o.Plan.Rebuild.ID
		}
	case runbook.StepStartPrimary, runbook.StepStartReplica:
		o.Server = runbook.Server{Running: true}
	case runbook.StepFollow:
		o.Server.Primary, o.Server.Streaming = s.Primary, s.Primary != ""
		if s.Primary != "" {
			o.Server.Timeline = o.Primary.Lineage.Epoch()
		}
	case runbook.StepDemote:
		o.Server.InRecovery = true
	case runbook.StepPromote:
		o.Server.InRecovery, o.Volume.Standby, o.Volume.Exact = false, false, false
	case runbook.StepEnforce:
		o.Server.Enforced = o.Standing.Quorum
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepQuiesce, runbook.StepRewind,
		runbook.StepHandOver:
	}
}

// TestShared: what two histories share is a beginning of both, and as much of mine as there is.
func TestShared(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ mine, want engine.Point }{
		"a beginning":          {beginning, beginning},
		"level":                {level, level},
		"strayed":              {strayed, engine.Point{Lineage: primaryLineage[:1], Position: 100}},
		"noted, not reached":   {forgetful, engine.Point{Lineage: primaryLineage[:1], Position: 40}},
		"a stranger":           {stranger, engine.Point{}},
		"nothing":              {engine.Point{}, engine.Point{}},
		"promoted by itself":   {promotedAt(80, 99), engine.Point{Lineage: primaryLineage[:1], Position: 80}},
		"promoted beyond that": {promotedAt(110, 130), engine.Point{Lineage: primaryLineage[:1], Position: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Shared(tt.mine, primaryLineage)
			if got.Position != tt.want.Position || !slices.Equal(got.Lineage, tt.want.Lineage) {
				t.Errorf("shared is %+v, want %+v", got, tt.want)
			}
			if len(got.Lineage) > 0 && got.Relate(primaryLineage) != engine.RelationFollow {
				t.Error("what is shared is no beginning of the primary's")
			}
			if got.Compare(tt.mine) > 0 {
				t.Error("more is shared than there is")
			}
		})
	}
}

// promotedAt is data of a member that was promoted at a position, without the primary, and wrote on.
func promotedAt(position, end uint64) engine.Point {
	own := engine.Promotion{Epoch: 4, Timeline: 4, Position: position}
	return engine.Point{Lineage: primaryLineage[:1].With(own), Position: end}
}
