// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// another is a member that does not lead.
func (s *stage) another() *actor {
	s.Helper()
	i := slices.IndexFunc(s.actors, func(a *actor) bool { return !leads(a.last) })
	if i < 0 {
		s.Fatal("there is no other member")
	}
	return s.actors[i]
}

// TestSwitchoverSimulated: the one that is named is elected, at once, and nothing is lost; then whoever is.
func TestSwitchoverSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	s.fill(0, 10)
	for i, named := range []bool{true, true, false} {
		from, target := s.primary(), s.another()
		s.plan.Switchover = &engine.Switchover{ID: string(rune('a' + i)), From: from.name}
		if named {
			s.plan.Switchover.Target = target.name
		}
		began := time.Now()
		s.await("the switchover", func() bool { return s.complete() && !leads(from.last) })
		t.Logf("took %v", time.Since(began))
		if from.declined != "" || (named && !leads(target.last)) {
			t.Errorf("%s is primary, want %s; declined %q: %v", s.primary().name, target.name, from.declined, from.failed)
		}
	}
	s.mustHave(10)
}

// TestASwitchoverIsRefusedSimulated while the one that is named is not caught up, and while nobody is. The primary goes
// on, and does not try again.
func TestASwitchoverIsRefusedSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	from, target := s.primary(), s.another()
	target.kill()
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool { return a == target }) // it stays down
	s.plan.Switchover = &engine.Switchover{ID: "named", From: from.name, Target: target.name}
	s.await("a refusal", func() bool { return from.declined == "named" })
	if why := from.failed.Error(); !strings.Contains(why, target.name+" is not caught up") {
		t.Errorf("refused: %s", why)
	}
	other := s.another()
	other.kill()
	s.actors = []*actor{from}
	s.plan.Switchover = &engine.Switchover{ID: "anybody", From: from.name}
	s.await("a refusal", func() bool { return from.declined == "anybody" || !leads(from.last) })
	if from.declined != "anybody" || !strings.Contains(from.failed.Error(), "no secondary that may be elected") {
		t.Errorf("declined %q: %v", from.declined, from.failed)
	}
}

// TestAPrimaryThatDiedIsReplacedAtOnceSimulated: its agent has another stand for election, long before the others'
// election timeout, and comes back as a secondary with nothing lost.
func TestAPrimaryThatDiedIsReplacedAtOnceSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	s.fill(0, 10)
	died := s.primary()
	term := died.view.term
	died.kill()
	began := time.Now()
	s.await("another primary", func() bool {
		return slices.ContainsFunc(s.actors, func(a *actor) bool { return a != died && leads(a.last) && a.view.term > term })
	})
	t.Logf("another was primary after %v", time.Since(began))
	if !slices.Contains(died.took, runbook.StepHandOver) {
		t.Errorf("it took %v", died.took)
	}
	s.await("the whole set", s.complete)
	s.fill(10, 20)
	s.mustHave(20)
}

// TestThePodEndsSimulated: a primary hands over before it stops, and what it was is no reason to be it again.
func TestThePodEndsSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	ends := s.primary()
	ends.stopping = true
	s.await("another primary", func() bool {
		return !ends.last.Server.Running && slices.ContainsFunc(s.actors, func(a *actor) bool { return leads(a.last) })
	})
	if m, _, err := ends.volume.mark(); err != nil || m.Led || ends.server.Crashes() > 0 {
		t.Errorf("mark %+v, %v, crashes %d", m, err, ends.server.Crashes())
	}
	ends.stopping = false
	ends.die()
	s.await("the whole set", s.complete)
}

// TestTheServerWakesItsAgentSimulated: what a server becomes it says at once.
func TestTheServerWakesItsAgentSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.await("a set of two", s.complete)
	from, other := s.primary(), s.another()
	for quiet := false; !quiet; {
		select {
		case <-other.Changes():
		case <-time.After(time.Second):
			quiet = true
		}
	}
	s.must(other.at(t.Context(), s.plan.Members[slices.Index(s.actors, other)], stepUp(t.Context())))
	began := time.Now()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case <-other.Changes():
		case <-deadline:
			t.Fatalf("%s said nothing", other.name)
		}
		if other.pass(); leads(other.last) {
			break
		}
	}
	t.Logf("the agent knew after %v", time.Since(began))
	s.await("one primary", func() bool { return s.complete() && !leads(from.last) })
}
