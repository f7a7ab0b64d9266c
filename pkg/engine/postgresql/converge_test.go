// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

const (
	me      = "orders-db-0"
	other   = "orders-db-1"
	myLife  = me + "/u/now"
	oldLife = me + "/u/before"
	theirs  = other + "/u/now"
)

// at is an observation of a member that has its lock, its data and a running, accepting server; change makes it
// another.
func at(change func(*Observation)) Observation {
	o := Observation{
		Member: me, Incarnation: myLife,
		Plan: engine.Plan{
			SystemID: "7", PowerState: v1alpha1.PowerRunning,
			Members: []engine.PlanMember{{Name: me}, {Name: other}},
		},
		Lease:  Lease{Known: true, Holder: myLife},
		Volume: Volume{Locked: true, HasData: true, SystemID: "7"},
		Server: Server{Running: true, Accepting: true},
	}
	change(&o)
	return o
}

func TestConverge(t *testing.T) {
	t.Parallel()
	unborn := func(o *Observation) {
		o.Plan.SystemID, o.Plan.Initialiser = "", me
		o.Volume, o.Server, o.Lease.Holder = Volume{Locked: true}, Server{}, ""
	}
	for name, tt := range map[string]struct {
		change  func(*Observation)
		want    StepKind
		problem string
	}{
		"a primary at rest is tended":   {func(*Observation) {}, StepTend, ""},
		"told to stop, the server goes": {func(o *Observation) { o.Stopping = true }, StepStopServer, ""},
		"told to stop, then the agent":  {func(o *Observation) { o.Stopping, o.Server = true, Server{} }, StepExit, ""},
		"no lock, no touch": {func(o *Observation) {
			o.Volume.Locked = false
		}, StepWait, v1alpha1.ReasonVolumeInUse},
		"stopped by the plan": {func(o *Observation) {
			o.Plan.PowerState = v1alpha1.PowerStopped
		}, StepStopServer, ""},
		"fenced": {func(o *Observation) {
			o.Plan.FencedMembers = []string{me}
		}, StepStopServer, ""},
		"foreign data never serves": {func(o *Observation) {
			o.Volume.SystemID = "8"
		}, StepStopServer, v1alpha1.ReasonForeignData},
		"an unknown Lease decides nothing":  {func(o *Observation) { o.Lease = Lease{} }, StepWait, ""},
		"an earlier life's server is ended": {func(o *Observation) { o.Lease.Holder = oldLife }, StepStopServer, ""},
		"an earlier life's Lease is mine": {func(o *Observation) {
			o.Lease.Holder, o.Server = oldLife, Server{}
		}, StepTakeLease, ""},
		"unborn: first the Lease": {unborn, StepTakeLease, ""},
		"unborn: then the data":   {func(o *Observation) { unborn(o); o.Lease.Holder = myLife }, StepInitialise, ""},
		"unborn: not my turn": {func(o *Observation) {
			unborn(o)
			o.Plan.Initialiser = other
		}, StepWait, ""},
		"a primary whose data is gone says so": {func(o *Observation) {
			o.Volume, o.Server = Volume{Locked: true}, Server{}
		}, StepWait, v1alpha1.ReasonDataMissing},
		"a replica without data waits for a primary": {func(o *Observation) {
			o.Lease.Holder, o.Volume, o.Server = theirs, Volume{Locked: true}, Server{}
		}, StepWait, ""},
		"and copies it when it serves": {func(o *Observation) {
			o.Lease.Holder, o.Volume, o.Server, o.PrimaryServes = theirs, Volume{Locked: true}, Server{}, true
		}, StepClone, ""},
		"a dead primary starts in place": {func(o *Observation) { o.Server = Server{} }, StepStartPrimary, ""},
		"a starting one is waited for":   {func(o *Observation) { o.Server.Accepting = false }, StepWait, ""},
		"the holder is promoted":         {func(o *Observation) { o.Server.InRecovery = true }, StepPromote, ""},
		"the holder marked as replica is started as one first": {func(o *Observation) {
			o.Server, o.Volume.Standby = Server{}, true
		}, StepStartReplica, ""},
		"a second primary is stopped": {func(o *Observation) { o.Lease.Holder = theirs }, StepStopServer, ""},
		"a replica follows": {func(o *Observation) {
			o.Lease.Holder, o.Server.InRecovery = theirs, true
		}, StepFollow, ""},
		"a replica that follows is tended": {func(o *Observation) {
			o.Lease.Holder, o.Server.InRecovery, o.Server.Primary = theirs, true, other
		}, StepTend, ""},
		"a Lease of nobody of the plan is not followed": {func(o *Observation) {
			o.Lease.Holder, o.Server = "stranger/u/n", Server{}
		}, StepWait, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Converge(at(tt.change))
			problem := ""
			if got.Problem != nil {
				problem = got.Problem.Reason
			}
			if got.Kind != tt.want || problem != tt.problem {
				t.Errorf("%s (%s), problem %q; want %s, problem %q", got.Kind, got.Reason, problem, tt.want, tt.problem)
			}
		})
	}
}

func TestTheFirstPrimaryHasTheNewestData(t *testing.T) {
	t.Parallel()
	vote := func(id string, timeline int64, position uint64) engine.Vote {
		return engine.Vote{SystemID: id, Timeline: timeline, Position: position}
	}
	for name, tt := range map[string]struct {
		votes map[string]engine.Vote
		want  StepKind
	}{
		"a vote is missing": {map[string]engine.Vote{me: vote("7", 1, 9)}, StepWait},
		"mine is newer": {
			map[string]engine.Vote{me: vote("7", 1, 9), other: vote("7", 1, 8)}, StepTakeLease,
		},
		"mine is older": {map[string]engine.Vote{me: vote("7", 1, 8), other: vote("7", 1, 9)}, StepWait},
		"a tie is the lower ordinal's": {
			map[string]engine.Vote{me: vote("7", 1, 9), other: vote("7", 1, 9)}, StepTakeLease,
		},
		"a later timeline wins":           {map[string]engine.Vote{me: vote("7", 1, 9), other: vote("7", 2, 1)}, StepWait},
		"an empty volume has no say":      {map[string]engine.Vote{me: vote("7", 1, 1), other: {}}, StepTakeLease},
		"another database blocks forever": {map[string]engine.Vote{me: vote("7", 1, 9), other: vote("8", 1, 1)}, StepWait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := at(func(o *Observation) {
				o.Plan.SystemID, o.Plan.RetainedMembers = "", []string{me, other}
				o.Lease.Holder, o.Votes = "", tt.votes
				o.Server.InRecovery, o.Server.Settled = true, true
			})
			if got := Converge(o); got.Kind != tt.want {
				t.Errorf("%s (%s), want %s", got.Kind, got.Reason, tt.want)
			}
		})
	}
}

// TestConvergeIsNeverUnsafe tries every combination of what matters, and holds each step to the rules that keep data.
func TestConvergeIsNeverUnsafe(t *testing.T) {
	t.Parallel()
	yesNo := []bool{false, true}
	tried := 0
	for _, holder := range []string{"", myLife, oldLife, theirs} {
		for _, initialiser := range []string{"", me, other} {
			for _, known := range []string{"", "7", "8"} {
				for bits := range 1 << 8 {
					bit := func(n int) bool { return yesNo[bits>>n&1] }
					o := at(func(o *Observation) {
						o.Lease.Holder, o.Plan.Initialiser, o.Plan.SystemID = holder, initialiser, known
						o.Lease.Known, o.Volume.Locked, o.Volume.HasData = bit(0), bit(1), bit(2)
						o.Server.Running, o.Server.Accepting, o.Server.InRecovery = bit(3), bit(3) && bit(4), bit(5)
						o.PrimaryServes, o.Volume.Standby = bit(6), bit(7)
					})
					if !o.Volume.HasData {
						o.Volume.SystemID = ""
					}
					mustBeSafe(t, o)
					tried++
				}
			}
		}
	}
	if tried != 4*3*3*256 {
		t.Errorf("tried %d observations", tried)
	}
}

func mustBeSafe(t *testing.T, o Observation) {
	t.Helper()
	step := Converge(o)
	foreignData := o.Volume.HasData && o.Plan.SystemID != "" && o.Volume.SystemID != o.Plan.SystemID
	starts := step.Kind == StepStartPrimary || step.Kind == StepStartReplica || step.Kind == StepPromote
	for rule, broken := range map[string]bool{
		"the volume is touched without its lock": !o.Volume.Locked && step.Kind != StepWait,
		"data is made where there is data, or by whoever may not": step.Kind == StepInitialise &&
			(o.Volume.HasData || o.Plan.Initialiser != me || o.Plan.SystemID != "" || o.Lease.Holder != myLife),
		"a primary is made without the Lease": (step.Kind == StepStartPrimary || step.Kind == StepPromote) &&
			o.Lease.Holder != myLife,
		"another's Lease is taken": step.Kind == StepTakeLease && o.Primary() == other,
		"the Lease is taken beside a running server of an earlier life": step.Kind == StepTakeLease &&
			o.Lease.Holder == oldLife && o.Server.Running,
		"data is overwritten by a copy":          step.Kind == StepClone && (o.Volume.HasData || o.Primary() == me),
		"foreign data is served":                 foreignData && (starts || step.Kind == StepTend),
		"something is decided without the Lease": !o.Lease.Known && starts,
	} {
		if broken {
			t.Errorf("%s: %s (%s) on %+v", rule, step.Kind, step.Reason, o)
		}
	}
}

func TestMemberConfSurvivesHostileNames(t *testing.T) {
	t.Parallel()
	plan := engine.Plan{Cluster: "orders", Members: []engine.PlanMember{{Name: other, Host: "h'; x = 'y"}}}
	got, err := parseConfig(MemberConf(plan, me, other))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got["primary_conninfo"] != Conninfo("h'; x = 'y", me) || got["cluster_name"] != me {
		t.Errorf("read back %q", got)
	}
	if got, _ := parseConfig(MemberConf(plan, me, "")); got["primary_conninfo"] != "" {
		t.Errorf("a member that follows nobody has primary_conninfo %q", got["primary_conninfo"])
	}
}
