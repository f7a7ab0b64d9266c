// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// TestBirthSimulated: of three empty members one begins the set, the others are added, and all three come to vote.
func TestBirthSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	first := s.member("orders-db-0")
	if m, _, err := first.volume.mark(); err != nil || !m.Joined || m.SystemID != s.plan.SystemID || m.Initiating {
		t.Errorf("mark %+v, %v", m, err)
	}
	if q := s.primary().last.Server.Enforced; q.Count != 2 || len(q.Members) != 3 {
		t.Errorf("writes wait for %+v", q)
	}
	if _, err := records(s.app("secret")).InsertOne(t.Context(), bson.D{{Key: "n", Value: 1}}); err != nil {
		t.Error(err)
	}
}

// begun is the identity of the set that a member's server has a configuration of; "" when it has none.
func (a *actor) begun() string {
	a.s.Helper()
	client, err := a.access.toSelf(nil)
	a.s.must(err)
	defer disconnect(a.s.Context(), client)
	var id string
	a.s.must(await(a.s.Context(), time.Minute, func() (err error) {
		id, err = askIdentity(a.s.Context(), client)
		return err
	}))
	return id
}

// until makes passes of the member until it is about to take a step.
func (a *actor) until(kind runbook.StepKind) runbook.Observation {
	a.s.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		o, step := a.observe()
		if step.Kind == kind {
			return o
		}
		a.act(o, step)
	}
	a.s.Fatalf("%s never came to %s", a.name, kind)
	return runbook.Observation{}
}

// TestBegunOnceSimulated kills the member that begins the set, agent and server, at each point of it. Whatever it had
// begun it goes on with, and never is there a second.
func TestBegunOnceSimulated(t *testing.T) {
	t.Parallel()
	initiate := func(s *stage, a *actor) {
		s.must(a.initiate(s.Context(), mongodb.Move{
			Kind: mongodb.Initiate, Host: mongodb.HostOf(s.plan.Members[0]), ID: 0,
		}))
	}
	for name, play := range map[string]func(s *stage, a *actor){
		"before its directory is made": func(_ *stage, a *actor) { a.until(runbook.StepInitialise) },
		"before its server starts":     func(_ *stage, a *actor) { a.until(runbook.StepStartReplica) },
		"before the mark":              func(_ *stage, a *actor) { a.until(runbook.StepTend) },
		"after the mark": func(s *stage, a *actor) {
			a.until(runbook.StepTend)
			s.must(a.volume.change(func(m *mark) { m.Initiating = true }))
		},
		"while it is asked to begin": func(s *stage, a *actor) {
			o := a.until(runbook.StepTend)
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
				a.kill()
			}()
			_, _ = a.Tend(s.Context(), o.Plan, o)
			<-killed
		},
		"before it hears that it has begun": func(s *stage, a *actor) { a.until(runbook.StepTend); initiate(s, a) },
		"before it knows whose data it is": func(s *stage, a *actor) {
			a.until(runbook.StepTend)
			initiate(s, a)
			s.must(await(s.Context(), time.Minute, func() error {
				if v, err := lookAt(s.Context(), a.run.client); err != nil || !v.leads {
					return fmt.Errorf("not primary yet: %w", err)
				}
				return nil
			}))
		},
		"before it reports": func(s *stage, a *actor) {
			a.until(runbook.StepTend)
			initiate(s, a)
			s.must(await(s.Context(), time.Minute, func() error {
				if o, _ := a.observe(); !leads(o) || !o.Volume.HasData {
					return fmt.Errorf("not primary yet: %+v", o.Server)
				}
				return nil
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, 1)
			a := s.actors[0]
			play(s, a)
			before := ""
			if a.server.Running() && !a.server.Died() {
				before = a.begun()
			}
			a.die()
			s.await("a primary", func() bool { return leads(a.last) })
			if after := a.begun(); after == "" || (before != "" && after != before) || after != s.plan.SystemID {
				t.Errorf("the set is %q, was %q, the plan has %q", after, before, s.plan.SystemID)
			}
		})
	}
}

// TestBegunOnceUnderRandomKillsSimulated kills the first member again and again, wherever it is.
func TestBegunOnceUnderRandomKillsSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	a := s.actors[0]
	known := ""
	for range 15 {
		for end := time.Now().Add(time.Duration(rand.IntN(400)) * time.Millisecond); time.Now().Before(end); {
			a.pass()
		}
		if a.server.Running() && !a.server.Died() && a.run.client != nil {
			id := a.begun()
			if known != "" && id != known {
				t.Fatalf("the set is %q, was %q", id, known)
			}
			known = id
		}
		a.die()
	}
	s.await("a primary", func() bool { return leads(a.last) })
	if id := a.begun(); known != "" && id != known {
		t.Errorf("the set is %q, was %q", id, known)
	}
}

// TestAFirstMemberWithANewVolumeNeverBeginsAgainSimulated: neither when the plan knows of data, nor when it has
// forgotten it and others are in a set.
func TestAFirstMemberWithANewVolumeNeverBeginsAgainSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	id, first := s.plan.SystemID, s.member("orders-db-0")
	first.lose()
	s.await("the set with the member that lost its volume", func() bool {
		return s.complete() && first.last.Volume.HasData
	})
	if first.begun() != id || s.plan.SystemID != id {
		t.Errorf("the set is %q, was %q", first.begun(), id)
	}

	first.lose()
	s.plan.SystemID, s.plan.Initialiser = "", first.name // as if the operator had lost the status
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		first.pass()
		if m, _, err := first.volume.mark(); err != nil || m.Initiating {
			t.Fatalf("it is about to begin another set: %+v, %v", m, err)
		}
	}
	s.await("the set again", func() bool { return s.complete() && s.plan.SystemID == id })
}
