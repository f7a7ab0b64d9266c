// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build ferretdb

package mongodb

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// addUser writes the document of a login as the agent of a primary does, from nothing but the verifier in the plan.
func addUser(t *testing.T, admin *mongo.Client, l Login) {
	t.Helper()
	document, err := mongodb.UserDocumentOf(engine.PlanUser{
		Name: l.User, Verifier: mongodb.Engine{}.Verifier("6f5c", l.User, l.Password),
	})
	must(t, err)
	_, err = admin.Database("admin").Collection("system.users").ReplaceOne(t.Context(),
		bson.D{{Key: "_id", Value: document.ID}}, document, options.Replace().SetUpsert(true))
	must(t, err)
}

// TestFerretDBLetsInByVerifier logs in with a password of which the server was given the verifier alone, and with the
// next one when it changes.
func TestFerretDBLetsInByVerifier(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	admin := s.Client(t, s.Root)
	app := Login{"app", "lettersAndDigits0123456789"}
	addUser(t, admin, app)
	other := Login{app.User, "another"}
	for what, l := range map[string]Login{
		"its password": app, "another's password": other, "nobody's name": {"nobody", app.Password},
	} {
		err := s.Client(t, l).Ping(t.Context(), nil)
		if l == app && err != nil || l != app && err == nil {
			t.Errorf("with %s: %v", what, err)
		}
	}
	addUser(t, admin, other)
	if err := s.Client(t, other).Ping(t.Context(), nil); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if err := s.Client(t, app).Ping(t.Context(), nil); err == nil {
		t.Error("the old password still opens a session")
	}
}

// TestFerretDBSpeaksTLSAlone leaves out TLS, and the authority.
func TestFerretDBSpeaksTLSAlone(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	for what, change := range map[string]func(*options.ClientOptions){
		"without TLS":                 func(o *options.ClientOptions) { o.TLSConfig = nil },
		"without the authority":       func(o *options.ClientOptions) { o.TLSConfig.RootCAs = nil },
		"under the name of a Service": func(o *options.ClientOptions) { o.TLSConfig.ServerName = "orders-rw" },
	} {
		if err := s.Client(t, s.Root, change).Ping(t.Context(), nil); err == nil {
			t.Errorf("a session %s was opened", what)
		}
	}
}

// TestFerretDBKeepsDocuments creates, reads, updates and deletes.
func TestFerretDBKeepsDocuments(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	addUser(t, s.Client(t, s.Root), Login{"app", "secret"})
	greetings := s.Client(t, Login{"app", "secret"}).Database("app").Collection("greetings")
	var all []any
	for n := range 300 {
		all = append(all, bson.D{{Key: "_id", Value: n}, {Key: "words", Value: "hello"}})
	}
	_, err := greetings.InsertMany(t.Context(), all)
	must(t, err)
	if _, err = greetings.InsertOne(t.Context(), all[0]); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("the same document again: %v", err)
	}
	_, err = greetings.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 300}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "times", Value: 2}}}}, options.UpdateOne().SetUpsert(true))
	must(t, err)
	_, err = greetings.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: 0}})
	must(t, err)
	found, err := greetings.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}))
	must(t, err)
	var documents []struct {
		ID, Times int
	}
	must(t, found.All(t.Context(), &documents))
	count, err := greetings.CountDocuments(t.Context(), bson.D{{Key: "words", Value: "hello"}})
	must(t, err)
	if len(documents) != 300 || documents[0].Times != 2 || count != 299 {
		t.Errorf("%d documents, the last has %+v, %d say hello", len(documents), documents[0], count)
	}
}

// TestFerretDBHasTheCommandsForUsers: what AtlasDB does not use, since it would need the password.
func TestFerretDBHasTheCommandsForUsers(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	admin := s.Client(t, s.Root).Database("admin")
	must(t, admin.RunCommand(t.Context(), bson.D{
		{Key: "createUser", Value: "clerk"}, {Key: "pwd", Value: "secret"}, {Key: "roles", Value: bson.A{}},
		{Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}},
	}).Err())
	addUser(t, s.Client(t, s.Root), Login{"app", "secret"})
	var known struct{ Users []struct{ User string } }
	must(t, admin.RunCommand(t.Context(), bson.D{{Key: "usersInfo", Value: 1}}).Decode(&known))
	var names []string
	for _, u := range known.Users {
		names = append(names, u.User)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"app", "clerk", "root"}) {
		t.Errorf("users are %q", names)
	}
	must(t, admin.RunCommand(t.Context(), bson.D{{Key: "dropUser", Value: "app"}}).Err())
	if err := s.Client(t, Login{"app", "secret"}).Ping(t.Context(), nil); err == nil {
		t.Error("a user that was dropped logs in")
	}
}

// TestFerretDBHasNoReplicaSets is why replica sets are tried on a stand-in.
func TestFerretDBHasNoReplicaSets(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	err := s.Client(t, s.Root).Database("admin").RunCommand(t.Context(), bson.D{{Key: "replSetGetStatus", Value: 1}}).Err()
	refused, ok := errors.AsType[mongo.CommandError](err)
	if !ok || !strings.Contains(refused.Name, "CommandNotFound") {
		t.Errorf("replSetGetStatus: %v", err)
	}
}
