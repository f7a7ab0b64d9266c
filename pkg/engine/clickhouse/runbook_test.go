// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

const (
	me      = "orders-db-1"
	other   = "orders-db-0"
	aKeeper = "orders-db-keeper-0"
	ours    = "7e6f"
)

// way is one in which observations differ.
type way func(*observation)

// worlds are all that a rule looks at, in domains that are small enough for every combination. They contradict each
// other here and there: a rule must be safe even then, since what it sees was read at several times.
var worlds = [][]way{
	{func(*observation) {}, func(o *observation) { o.Volume.Locked = false }},
	{
		func(*observation) {},
		func(o *observation) { o.Stopping = true },
		func(o *observation) { o.Plan.FencedMembers = []string{me, aKeeper} },
		func(o *observation) { o.Plan.RestartMember = o.Member },
		func(o *observation) { o.Plan.RestartMember, o.Pending = o.Member, []string{"max_connections"} },
		func(o *observation) { o.Plan.RestartMember, o.Pending = other, []string{"max_connections"} },
	},
	{
		func(*observation) {},
		func(o *observation) { o.Plan.SystemID = "" },
		func(o *observation) { o.Plan.SystemID, o.Plan.Initialiser = "", me },
		func(o *observation) { o.Plan.SystemID, o.Plan.Initialiser = "", other },
	},
	{
		func(*observation) {},
		func(o *observation) { o.Plan.Members = []engine.PlanMember{{Name: me}} },
		func(o *observation) { o.Plan.Members = []engine.PlanMember{{Name: other}} },
	},
	{
		func(*observation) {},
		func(o *observation) { o.Volume = runbook.Volume{Locked: o.Volume.Locked} },
		func(o *observation) { o.Volume.SystemID = "another" },
	},
	{
		func(o *observation) { o.Server = runbook.Server{} },
		func(o *observation) { o.Server = runbook.Server{Running: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, Quiet: true} },
		func(o *observation) { o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: true} },
		func(o *observation) {
			o.Server = runbook.Server{Running: true, Accepting: true, Attached: []string{"2"}}
		},
		func(o *observation) {
			o.Server = runbook.Server{Running: true, Accepting: true, Stranded: o.Member == me}
		},
	},
	{func(*observation) {}, func(o *observation) { o.Declined = beforeTheEnd }},
	{
		func(*observation) {},
		func(o *observation) { o.Plan.Rebuild = &engine.Rebuild{ID: "1", Member: me} },
		func(o *observation) { o.Plan.Rebuild, o.Volume.Rebuilt = &engine.Rebuild{ID: "1", Member: me}, "1" },
		func(o *observation) { o.Plan.Rebuild = &engine.Rebuild{ID: "1", Member: other} },
	},
}

// everywhere calls visit with every combination for a member or a keeper.
func everywhere(member string, visit func(observation)) {
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
	descend(observation{
		Member: member, Volume: runbook.Volume{Locked: true, HasData: true, SystemID: ours},
		Plan: engine.Plan{SystemID: ours, Members: []engine.PlanMember{
			{Name: other}, {Name: me}, {Name: aKeeper, Component: KeeperComponent},
		}},
	}, worlds)
}

func is(s step, kinds ...runbook.StepKind) bool { return slices.Contains(kinds, s.Kind) }

func restarts(o observation) bool { return o.Plan.RestartMember == o.Member && len(o.Pending) > 0 }

// anew says that somebody asked for the member's data to be fetched anew, and that there is somebody to fetch it from.
func anew(o observation) bool {
	r := o.Plan.Rebuild
	return r != nil && r.Member == o.Member && r.ID != o.Volume.Rebuilt && len(o.Plan.InShard(0)) > 1
}

func fenced(o observation) bool { return slices.Contains(o.Plan.FencedMembers, o.Member) }

// promises are what no observation whatever may make a step break; broken is asked with the step that was chosen.
var promises = []struct {
	name   string
	broken func(o observation, s step) bool
}{
	{"a step has a reason", func(_ observation, s step) bool { return s.Reason == "" }},
	{"without the volume's lock nothing happens on it", func(o observation, s step) bool {
		return !o.Volume.Locked && !is(s, runbook.StepWait, runbook.StepExit)
	}},
	{"an identity is made once, by the initialiser", func(o observation, s step) bool {
		return is(s, runbook.StepInitialise) && o.Plan.SystemID == "" && o.Plan.Initialiser != o.Member
	}},
	{"data is never made over data", func(o observation, s step) bool {
		return is(s, runbook.StepInitialise) && o.Volume.HasData
	}},
	{"the only member never begins a second time", func(o observation, s step) bool {
		return is(s, runbook.StepInitialise) && o.Member == me && len(serversOf(o.Plan)) == 1 && o.Plan.SystemID != ""
	}},
	{"foreign data is left alone", func(o observation, s step) bool {
		return runbook.Foreign(o) && is(s, runbook.StepInitialise, runbook.StepStartReplica, runbook.StepTend)
	}},
	{"a server that is missed is taken out of the Services before it stops", func(o observation, s step) bool {
		return is(s, runbook.StepStopServer) && o.Member == me && o.Server.Accepting && !o.Server.Quiet &&
			!runbook.Foreign(o)
	}},
	{"a server stops only for a reason of its own", func(o observation, s step) bool {
		return is(s, runbook.StepStopServer, runbook.StepQuiesce, runbook.StepHandOver) &&
			!o.Stopping && !fenced(o) && !restarts(o) && !runbook.Foreign(o) && !anew(o) && !o.Server.Stranded
	}},
	{"a fenced member goes down and stays down", func(o observation, s step) bool {
		return fenced(o) && is(s, runbook.StepInitialise, runbook.StepStartReplica, runbook.StepTend)
	}},
	{"only the pod's end ends the agent, and after the server", func(o observation, s step) bool {
		return is(s, runbook.StepExit) && (!o.Stopping || (o.Server.Running && o.Volume.Locked))
	}},
	{"a server is started when it is down, and told when it runs", func(o observation, s step) bool {
		if is(s, runbook.StepStartReplica) {
			return o.Server.Running || !o.Volume.HasData
		}
		return !o.Server.Running && is(s, runbook.StepStopServer, runbook.StepQuiesce, runbook.StepHandOver,
			runbook.StepTend)
	}},
	{"a member has nothing to hand over, and a keeper does it once", func(o observation, s step) bool {
		return is(s, runbook.StepHandOver) &&
			(o.Member == me || o.Declined == s.Request || o.Server.InRecovery || len(o.Server.Attached) == 0)
	}},
	{"data is thrown away when somebody asked, the server is down and others have it", func(o observation, s step) bool {
		return is(s, runbook.StepClone) &&
			(!anew(o) || o.Server.Running || !o.Volume.HasData || !o.Volume.Locked || runbook.Foreign(o) || fenced(o))
	}},
	{"nobody follows or is promoted", func(_ observation, s step) bool {
		return s.Primary != "" || is(s, runbook.StepFollow, runbook.StepPromote, runbook.StepStartPrimary,
			runbook.StepDemote, runbook.StepRewind, runbook.StepEnforce)
	}},
}

// TestRunbooksKeepTheirPromises tries every combination, and counts that every step was among the answers: a promise
// about a step that never comes would hold without meaning anything.
func TestRunbooksKeepTheirPromises(t *testing.T) {
	t.Parallel()
	for member, rules := range map[string][]runbook.Rule{me: Runbook, aKeeper: KeeperRunbook} {
		seen := map[runbook.StepKind]bool{}
		everywhere(member, func(o observation) {
			s := runbook.Converge(rules, o)
			seen[s.Kind] = true
			for _, p := range promises {
				if p.broken(o, s) {
					t.Fatalf("%s: %s (%s) on %+v", p.name, s.Kind, s.Reason, o)
				}
			}
			if again := runbook.Converge(rules, o); again.Kind != s.Kind || again.Reason != s.Reason {
				t.Fatalf("the same was answered otherwise: %+v", o)
			}
		})
		own := []runbook.StepKind{runbook.StepQuiesce, runbook.StepClone}
		if member == aKeeper {
			own = []runbook.StepKind{runbook.StepHandOver}
		}
		for _, kind := range append(own,
			runbook.StepWait, runbook.StepStopServer, runbook.StepExit, runbook.StepInitialise,
			runbook.StepStartReplica, runbook.StepTend,
		) {
			if !seen[kind] {
				t.Errorf("%s: step %s never came", member, kind)
			}
		}
	}
}

// carry carries a step out in a model of a member.
func carry(o *observation, s step) {
	switch s.Kind { //nolint:exhaustive // the other steps change nothing here
	case runbook.StepInitialise:
		o.Volume.HasData, o.Volume.SystemID = true, ours
	case runbook.StepClone:
		o.Volume.Rebuilt = o.Plan.Rebuild.ID
	case runbook.StepStartReplica:
		o.Server = runbook.Server{Running: true, Accepting: true, InRecovery: o.Member != me}
		o.Pending = nil
	case runbook.StepQuiesce:
		o.Server.Quiet = true
	case runbook.StepHandOver:
		o.Server.InRecovery = true
	case runbook.StepStopServer:
		o.Server = runbook.Server{}
	}
	o.Server.Accepting = o.Server.Running // a server that starts has started by the next pass
}

// TestEveryMemberComesToRest carries the steps out: whatever a member begins with, within a few steps it is where it
// should be, and stays there.
func TestEveryMemberComesToRest(t *testing.T) {
	t.Parallel()
	for member, rules := range map[string][]runbook.Rule{me: Runbook, aKeeper: KeeperRunbook} {
		everywhere(member, func(o observation) {
			var s step
			steps := 0
			for ; steps < 8; steps++ {
				s = runbook.Converge(rules, o)
				starting := o.Server.Running && !o.Server.Accepting
				if is(s, runbook.StepWait, runbook.StepTend, runbook.StepExit) && !starting {
					break
				}
				carry(&o, s)
			}
			_, planned := o.Plan.Member(member)
			serves := o.Volume.Locked && planned && o.Volume.HasData && !runbook.Foreign(o) && !o.Stopping && !fenced(o)
			if steps == 8 || (serves && s.Kind != runbook.StepTend) || (o.Stopping && s.Kind != runbook.StepExit &&
				o.Volume.Locked) {
				t.Fatalf("came to rest with %s (%s) after %d steps on %+v", s.Kind, s.Reason, steps, o)
			}
		})
	}
}

// TestOnlyMemberTellsOfLostData: it waits, and says why.
func TestOnlyMemberTellsOfLostData(t *testing.T) {
	t.Parallel()
	s := runbook.Converge(Runbook, observation{
		Member: me, Volume: runbook.Volume{Locked: true},
		Plan: engine.Plan{SystemID: ours, Members: []engine.PlanMember{{Name: me}}},
	})
	if s.Kind != runbook.StepWait || s.Problem == nil || s.Problem.Reason != v1alpha1.ReasonDataMissing {
		t.Errorf("got %+v", s)
	}
}

// serversOf are all members of a plan that are no keepers.
func serversOf(plan engine.Plan) []engine.PlanMember {
	var servers []engine.PlanMember
	for _, m := range plan.Members {
		if m.Component == "" {
			servers = append(servers, m)
		}
	}
	return servers
}
