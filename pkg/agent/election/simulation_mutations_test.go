// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// breakage is a rule of the protocol that is broken on purpose, around the Electors: a simulation that finds nothing
// proves nothing unless it finds these.
type breakage string

const (
	brokenPromise breakage = "a voter goes on receiving until it finds the new primary"
	brokenExact   breakage = "positions count before they are known"
	brokenQuorum  breakage = "candidates believe that every write is everywhere"
	brokenRecord  breakage = "an engine enforces less than the Lease says"
	brokenNote    breakage = "replicas count that have not written down the promotion"
	brokenLineage breakage = "timeline numbers are compared, not epochs"
	brokenGuard   breakage = "no guard kills the engine when the deadline passes"
	brokenWait    breakage = "candidates wait for three seconds only"
	brokenProof   breakage = "the kubelet says of living containers that they ended"
	brokenLock    breakage = "nobody looks at the lock of the volume"
)

// TestSimulationFindsWhatIsBroken breaks one rule at a time. The schedules that find it first are a small part of those
// that TestSimulation plays.
func TestSimulationFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	if schedules < 10_000 {
		t.Skip("without the race detector only")
	}
	for _, b := range []breakage{
		brokenPromise, brokenExact, brokenQuorum, brokenRecord, brokenLineage, brokenGuard, brokenWait,
		brokenProof, brokenLock,
	} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(schedules) {
				s := scenarioOf(seed)
				s.broken = b
				if wrong, _ := simulate(t, s); wrong != "" && !strings.Contains(wrong, "the cluster") {
					t.Logf("found by schedule %d: %s", seed, wrong)
					return
				}
			}
			t.Errorf("%d schedules did not find it", schedules)
		})
	}
}

// TestStoryAcrossAPromotionIsFound: what this story is about is too rare to be met by chance.
func TestStoryAcrossAPromotionIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(scenario{members: 3, durability: majority, broken: brokenNote})
		w.acrossAPromotion()
		w.end()
		if !strings.Contains(w.wrong, "has lost the acknowledged write") {
			t.Errorf("no acknowledged write was lost: %s", w.wrong)
		}
	})
}

// show is the Lease as a member gets to see it.
func (a *apiServer) show(l *life) election.Record {
	r := a.lease
	if r.Holder != l.incarnation {
		switch a.w.broken {
		case brokenQuorum:
			r.Quorum.Count = len(r.Quorum.Members)
		case brokenWait:
			r.Duration = 3 * time.Second
		default:
		}
	}
	return r
}

// relate tells what a member must do to follow a primary.
func (w *world) relate(p engine.Point, primary engine.Lineage) engine.Relation {
	if w.broken == brokenLineage {
		p.Lineage, primary = byTimeline(p.Lineage), byTimeline(primary)
	}
	return p.Relate(primary)
}

func byTimeline(l engine.Lineage) engine.Lineage {
	l = slices.Clone(l)
	for i := range l {
		l[i].Epoch = l[i].Timeline
	}
	return l
}

// misreport changes what an agent sees of its engine.
func (w *world) misreport(f *engine.Facts) {
	switch w.broken {
	case brokenExact:
		f.Exact = true
	case brokenPromise:
		f.Receiving, f.Exact = false, f.Exact || f.Receiving
	default:
	}
}
