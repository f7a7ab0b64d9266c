// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// parameter is what the member's server says that a parameter is.
func (a *actor) parameter(name string) any {
	a.s.Helper()
	found, err := ask[bson.D](a.s.Context(), a.run.client, mongodb.AuthDatabase, bson.D{
		{Key: "getParameter", Value: 1}, {Key: name, Value: 1},
	})
	a.s.must(err)
	return value(found, name)
}

// option is an option that the member's server was started with.
func (a *actor) option(path ...string) any {
	a.s.Helper()
	found, err := ask[bson.D](a.s.Context(), a.run.client, mongodb.AuthDatabase, bson.D{{Key: "getCmdLineOpts", Value: 1}})
	a.s.must(err)
	at := value(found, "parsed")
	for _, key := range path {
		section, _ := at.(bson.D)
		at = value(section, key)
	}
	return at
}

func (s *stage) tended(reached func(a *actor) bool) func() bool {
	return func() bool {
		return !slices.ContainsFunc(s.actors, func(a *actor) bool { return a.failed != nil || !reached(a) })
	}
}

// TestParametersSimulated: what can be set while the server runs is, what cannot waits for the member's turn.
func TestParametersSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.await("a set of two", s.complete)
	s.parameters = map[string]string{"cursorTimeoutMillis": "300000"}
	s.await("the live parameter", s.tended(func(a *actor) bool {
		return fmt.Sprint(a.parameter("cursorTimeoutMillis")) == "300000"
	}))

	s.parameters["net.maxIncomingConnections"] = "2000"
	waits := func(a *actor) bool { return slices.Equal(a.tended.Pending, []string{"net.maxIncomingConnections"}) }
	s.await("a parameter that waits", s.tended(waits))
	s.plan.RestartMember = s.another().name
	restarted := s.another()
	s.await("the restart", func() bool {
		return s.complete() && len(restarted.tended.Pending) == 0 && !leads(restarted.last)
	})
	if got := restarted.option("net", "maxIncomingConnections"); fmt.Sprint(got) != "2000" || !waits(s.primary()) {
		t.Errorf("it was started with %v, and the primary waits for %v", got, s.primary().tended.Pending)
	}
	if got := restarted.parameter("cursorTimeoutMillis"); fmt.Sprint(got) != "300000" {
		t.Errorf("cursorTimeoutMillis is %v after a restart", got)
	}
}

// TestAServerThatDoesNotStartFallsBackSimulated: a bad configuration costs no database.
func TestAServerThatDoesNotStartFallsBackSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.await("a set of one", s.complete)
	a := s.actors[0]
	s.broken = "nosuchsection:\n  a: 1\n"
	a.kill()
	s.await("the last good configuration", func() bool { return leads(a.last) && a.last.Refused != "" })
	s.broken = ""
	s.await("the new one", func() bool { return leads(a.last) && a.last.Refused == "" })
}

// TestAPasswordChangesSimulated: the new one opens, the old one does not, and the member's own login needs neither.
func TestAPasswordChangesSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.await("a set of two", s.complete)
	old := s.app("secret")
	if _, err := records(old).InsertOne(t.Context(), bson.D{{Key: "n", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	s.plan.Users = []engine.PlanUser{{Name: "app", Verifier: verifier("another")}}
	s.await("the new password", s.tended(func(*actor) bool { return true }))
	if _, err := records(s.app("another")).InsertOne(t.Context(), bson.D{{Key: "n", Value: 2}}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := s.app("secret").Ping(t.Context(), nil); err == nil {
		t.Error("the old password opens still")
	}
}

// TestTendingWritesNothingWhenNothingChangedSimulated: the set's data stays where it is.
func TestTendingWritesNothingWhenNothingChangedSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.await("a set of one", s.tended(func(*actor) bool { return s.complete() }))
	a := s.actors[0]
	before := a.parameter("featureCompatibilityVersion")
	for range 5 {
		a.pass()
	}
	at, version := a.view.position(), a.view.config.Version
	for range 10 {
		a.pass()
	}
	if now := a.view.position(); now.Seconds-at.Seconds > 0 && now.Seconds-at.Seconds < 10 {
		t.Errorf("something was written: %+v, was %+v", now, at)
	}
	if a.view.config.Version != version || fmt.Sprint(a.parameter("featureCompatibilityVersion")) != fmt.Sprint(before) {
		t.Errorf("something was changed: %+v", a.view.config)
	}
}

// TestAnUpgradeSimulated: members change one by one, and only when all have run the new version for a while may the set
// use what it can.
func TestAnUpgradeSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.soak = 6
	s.await("a set of two", s.complete)
	version := func() string {
		found, err := askCompatibility(t.Context(), s.primary().run.client)
		s.must(err)
		return found.Version.Current
	}
	if got := version(); got != "7.0" {
		t.Fatalf("a new set of 7.0 is %s", got)
	}
	s.plan.Build = "8.0.13"
	for _, a := range []*actor{s.another(), s.primary()} {
		a.build = s.plan.Build
		a.stopping = true
		s.await("its end", func() bool { return !a.last.Server.Running })
		a.stopping = false
		a.die()
		s.await("a set of two", s.complete)
		if a.last.Server.Version != "8.0.13" || version() != "7.0" {
			t.Errorf("%s runs %s, the set is %s", a.name, a.last.Server.Version, version())
		}
	}
	s.await("the soak", func() bool { return s.complete() && !s.primary().soak.since.IsZero() })
	if got := version(); got != "7.0" {
		t.Errorf("while it soaks the set is %s", got)
	}
	s.await("the new version's features", func() bool { return s.complete() && version() == "8.0" })
}

// TestCertificatesAreReadAgainSimulated without a restart, and from then on the agent believes in what is mounted.
func TestCertificatesAreReadAgainSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.await("a set of one", s.complete)
	a := s.actors[0]
	before := a.config.certificates
	s.certify(a)
	s.await("the new certificate", func() bool {
		return a.config.certificates != before && leads(a.last) && a.failed == nil
	})
	if len(a.took) > 2 {
		t.Errorf("it took %v", a.took)
	}
}
