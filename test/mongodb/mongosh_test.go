// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build ferretdb

package mongodb

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// TestMongoshOnFerretDB has the vendor's shell do what a user does first.
func TestMongoshOnFerretDB(t *testing.T) {
	t.Parallel()
	s := StartFerretDB(t)
	addUser(t, s.Client(t, s.Root), Login{"app", "secret"})
	s.greetByMongosh(t, Login{"app", "secret"})
}

// TestMongoshOnSimulatedReplicaSet does the same on the stand-in, which has replica sets and roles.
func TestMongoshOnSimulatedReplicaSet(t *testing.T) {
	t.Parallel()
	s := StartStandIn(t)
	addUser(t, s.Client(t, s.Root, AsMember), Login{"app", "secret"})
	s.greetByMongosh(t, Login{"app", "secret"})
	if said, err := s.mongosh(t, Login{"app", "secret"}, "db.getSiblingDB('other').x.insertOne({})"); err == nil {
		t.Errorf("the login of an application writes into another's database: %s", said)
	}
}

// greetByMongosh writes and reads by the URI of a binding.
func (s *Server) greetByMongosh(t *testing.T, l Login) {
	t.Helper()
	said, err := s.mongosh(t, l, `
		for (let n = 1; n <= 3; n++) db.greetings.updateOne({_id: n}, {$set: {words: "hello " + n}}, {upsert: true});
		print(EJSON.stringify(db.greetings.find().sort({_id: 1}).toArray()))`)
	must(t, err)
	var documents []struct {
		ID    int `json:"_id"`
		Words string
	}
	if err := json.Unmarshal([]byte(said), &documents); err != nil || len(documents) != 3 ||
		documents[2].ID != 3 || documents[2].Words != "hello 3" {
		t.Errorf("%v, %+v from %s", err, documents, said)
	}
}

// mongosh runs a script with the URI of a binding and the authority beside it.
func (s *Server) mongosh(t *testing.T, l Login, script string) (string, error) {
	t.Helper()
	program := os.Getenv("ATLASDB_MONGOSH")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("NOT CHECKED: there is no mongosh: %v", err)
	}
	command := exec.CommandContext(t.Context(), program, s.URI(l), "--tlsCAFile", s.Authority, "--quiet", "--norc",
		"--eval", script)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	said, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Logf("mongosh: %s", exit.Stderr)
	}
	return string(said), err
}
