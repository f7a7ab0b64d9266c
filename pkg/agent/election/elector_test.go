// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// born is a cluster with a primary "a" and two replicas that follow it.
func born(t *testing.T, d v1alpha1.Durability) *cast {
	t.Helper()
	c := newCast(t, d, "a", "b", "c")
	c.await(5*time.Second, "a")
	c.replan(func(p *Plan) { p.Initialiser, p.SystemID = "", "7" })
	time.Sleep(5 * time.Second)
	synctest.Wait()
	return c
}

func TestTheInitialiserFounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		if q := c.lease.Quorum; q.String() != "2 of [a b c]" {
			t.Errorf("recorded quorum = %s", q)
		}
	})
}

func TestAnIsolatedPrimaryStopsFirst(t *testing.T) {
	t.Parallel()
	for _, d := range []v1alpha1.Durability{v1alpha1.DurabilityMajority, v1alpha1.DurabilityRelaxed} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := born(t, d)
				c.members["a"].isolate()
				if took := c.await(6*time.Second, ""); took > RenewDeadline+FenceTime {
					t.Errorf("it went on for %s", took)
				}
				if took := c.await(12*time.Second, "b", "c"); took > LeaseDuration {
					t.Errorf("the next primary came %s after it", took)
				}
			})
		})
	}
}

func TestAContainerThatEndedIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		a := c.members["a"]
		a.die()
		c.members["b"].HolderEnded(a.Incarnation)
		c.members["c"].HolderEnded(a.Incarnation)
		if took := c.await(5*time.Second, "b"); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestNoQuorumNoPromotion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		c.members["a"].die()
		c.members["b"].isolate()
		time.Sleep(time.Minute)
		if p := c.primary(); p != "" {
			t.Fatalf("%s was promoted by one of three", p)
		}
		if r := c.members["c"].Report(); r.Problem == nil || r.Problem.Reason != v1alpha1.ReasonWaitingForMembers {
			t.Errorf("problem = %+v", r.Problem)
		}
		c.members["b"].cut = false
		c.await(20*time.Second, "b", "c")
	})
}

func TestAStoppingPrimaryNamesItsSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		c.members["a"].Stop()
		if took := c.await(5*time.Second, "b", "c"); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		time.Sleep(time.Second)
		if !c.members["a"].Stopped() {
			t.Error("the old primary has something left to do")
		}
	})
}

func TestASwitchoverReachesItsTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		c.replan(func(p *Plan) { p.Switchover = &engine.Switchover{ID: "1", From: "a", Target: "c"} })
		if took := c.await(5*time.Second, "c"); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		time.Sleep(time.Second)
		if p := c.members["c"].Report().Promotion; p == nil || p.Reason != engine.FailoverSwitchover || p.From != "a" {
			t.Errorf("promotion = %+v", p)
		}
	})
}

func TestASwitchoverToAMemberThatIsBehindIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		c.members["c"].isolate()
		time.Sleep(time.Second)
		c.replan(func(p *Plan) { p.Switchover = &engine.Switchover{ID: "1", From: "a", Target: "c"} })
		time.Sleep(11 * time.Second)
		if r := c.members["a"].Report().Switchover; c.primary() != "a" || r == nil || r.ID != "1" {
			t.Errorf("primary %s, report %+v", c.primary(), r)
		}
	})
}

func TestASwitchoverWaitsForATargetThatIsAboutToBeReady(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"before it is refused": 5 * time.Second, "after": 30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := born(t, v1alpha1.DurabilityMajority)
				c.members["c"].isolate()
				time.Sleep(time.Second)
				c.replan(func(p *Plan) { p.Switchover = &engine.Switchover{ID: "1", From: "a", Target: "c"} })
				time.Sleep(late)
				if c.primary() != "a" {
					t.Fatalf("primary %q while the target is away", c.primary())
				}
				c.members["c"].rejoin()
				c.await(30*time.Second, "c")
			})
		})
	}
}

// TestDataOfOthersIsNoBirth: a plan that says by mistake that no data was ever born makes nobody primary who has a
// replica's; it stands for election as anybody else.
func TestDataOfOthersIsNoBirth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, v1alpha1.DurabilityMajority, "a", "b", "c")
		copied := engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: 2, Timeline: 2, Position: 5}}
		c.members["a"] = &actor{facts: engine.Facts{
			Locked: true, HasData: true, SystemID: "7", Standby: true, Exact: true,
			Point: engine.Point{Lineage: copied, Position: 9},
		}}
		c.start()
		c.members["b"].isolate()
		c.members["c"].isolate()
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			if p := c.primary(); p != "" {
				t.Fatalf("%q is primary without a vote", p)
			}
		}
	})
}

// TestAnEngineThatForgetsHandsOver: what it acknowledged is with its replicas, and not on its disk. Alone it is primary
// again, in a new tenure. That it died may be no news: when it was elected, it had died as often within the last
// minute.
func TestAnEngineThatForgetsHandsOver(t *testing.T) {
	t.Parallel()
	for _, members := range [][]string{{"a", "b", "c"}, {"a"}} {
		for _, counted := range []int{1, 0} {
			t.Run(fmt.Sprint(len(members), counted), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { handsOver(t, counted, members) })
			})
		}
	}
}

// handsOver lets the engine of a primary die, of which so many deaths are counted.
func handsOver(t *testing.T, counted int, members []string) {
	t.Helper()
	c := gather(t, v1alpha1.DurabilityMajority, members...)
	c.forgets = true
	c.start()
	c.await(5*time.Second, "a")
	c.replan(func(p *Plan) { p.Initialiser, p.SystemID = "", "7" })
	time.Sleep(5 * time.Second)
	a := c.members["a"]
	a.change(func(f *engine.Facts) {
		f.Crashes, f.Leading, f.Running, f.Standby = f.Crashes+counted, 0, false, true
		f.Point.Position = 0
	})
	c.await(5*time.Second, members[len(members)-1], members[len(members)/2])
	if got := c.lease.Epoch; got != 2 || a.fences != 1 {
		t.Errorf("epoch %d, fenced %d times", got, a.fences)
	}
}

func TestAnAPIOutageAloneMovesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := born(t, v1alpha1.DurabilityMajority)
		c.mu.Lock()
		c.apiDown = true
		c.mu.Unlock()
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if p := c.primary(); p != "a" {
				t.Fatalf("primary %q during an outage of the API server alone", p)
			}
		}
		c.mu.Lock()
		c.apiDown = false
		c.mu.Unlock()
		time.Sleep(time.Minute)
		if p := c.primary(); p != "a" || c.members["a"].fences > 0 {
			t.Errorf("primary %q after the outage", p)
		}
	})
}

func TestASingleMemberRenewsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCast(t, v1alpha1.DurabilityMajority, "a")
		c.await(5*time.Second, "a")
		time.Sleep(10 * time.Second)
		before := c.written()
		time.Sleep(time.Hour)
		if c.primary() != "a" || c.written() != before {
			t.Errorf("primary %q, %d writes in an hour", c.primary(), c.written()-before)
		}
	})
}

func TestAPrimaryThatRestartsGoesOnWithoutANewTimeline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCast(t, v1alpha1.DurabilityMajority, "a")
		c.await(5*time.Second, "a")
		c.replan(func(p *Plan) { p.Initialiser, p.SystemID = "", "7" })
		time.Sleep(5 * time.Second)
		c.members["a"].die()
		a := c.begin("a")
		c.await(5*time.Second, "a")
		if l := a.know().Point.Lineage; len(l) != 1 {
			t.Errorf("lineage = %v", l)
		}
	})
}
