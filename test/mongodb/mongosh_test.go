// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build ferretdb

package mongodb

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestMongoshOnFerretDB has the vendor's shell do what a user does first.
func TestMongoshOnFerretDB(t *testing.T) {
	t.Parallel()
	s := startFerretDB(t)
	addUser(t, s.client(t, s.root), login{"app", "secret"})
	s.greetByMongosh(t, login{"app", "secret"})
}

// TestMongoshOnSimulatedReplicaSet does the same on the stand-in, which has replica sets and roles.
func TestMongoshOnSimulatedReplicaSet(t *testing.T) {
	t.Parallel()
	s := startStandIn(t)
	addUser(t, s.client(t, s.root, asMember), login{"app", "secret"})
	s.greetByMongosh(t, login{"app", "secret"})
	if said, err := s.mongosh(t, login{"app", "secret"}, "db.getSiblingDB('other').x.insertOne({})"); err == nil {
		t.Errorf("the login of an application writes into another's database: %s", said)
	}
}

// greetByMongosh writes and reads by the URI of a binding.
func (s *server) greetByMongosh(t *testing.T, l login) {
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
func (s *server) mongosh(t *testing.T, l login, script string) (string, error) {
	t.Helper()
	program := os.Getenv("ATLASDB_MONGOSH")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("there is no mongosh: %v", err)
	}
	command := exec.CommandContext(t.Context(), program, s.uri(l), "--tlsCAFile", s.authority, "--quiet", "--norc",
		"--eval", script)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	said, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Logf("mongosh: %s", exit.Stderr)
	}
	return string(said), err
}

// asMember logs in as the servers of a replica set do among each other, also at one that is in none yet.
func asMember(o *options.ClientOptions) { o.Auth.AuthSource, o.ReplicaSet = "local", nil }

// startStandIn starts the stand-in as a replica set of one, until the test ends. Its root is what members are.
func startStandIn(t *testing.T) *server {
	t.Helper()
	folder := t.TempDir()
	s := newServer(t, folder)
	s.root = login{"__system", "theContentOfAKeyFile"}
	s.options = "authSource=admin&replicaSet=rs0&tls=true"
	must(t, os.WriteFile(filepath.Join(folder, "keyfile"), []byte(s.root.password), 0o400))
	must(t, os.Mkdir(filepath.Join(folder, "data"), 0o700))
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"net": map[string]any{"port": json.Number(s.port), "bindIp": "127.0.0.1", "tls": map[string]any{
			"mode": "requireTLS", "CAFile": s.authority, "certificateKeyFile": filepath.Join(folder, "tls.pem"),
			"allowConnectionsWithoutCertificates": true,
		}},
		"security":    map[string]any{"keyFile": filepath.Join(folder, "keyfile"), "authorization": "enabled"},
		"replication": map[string]any{"replSetName": "rs0"},
		"storage":     map[string]any{"dbPath": filepath.Join(folder, "data")},
		// The certificate is good for a server alone.
		"setParameter": map[string]any{"tlsWithholdClientCertificate": true},
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "mongod.conf"), config, 0o600))
	s.run(t, folder, os.Getenv("ATLASDB_STANDIN"), "--config", filepath.Join(folder, "mongod.conf"))
	s.initiate(t, s.client(t, s.root, asMember))
	return s
}

// initiate makes a replica set of the server alone, and waits until it is primary.
func (s *server) initiate(t *testing.T, member *mongo.Client) {
	t.Helper()
	admin := member.Database("admin")
	must(t, admin.RunCommand(t.Context(), bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: "rs0"}, {Key: "version", Value: 1}, {Key: "protocolVersion", Value: 1},
		{Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: s.host + ":" + s.port}}}},
	}}}).Err())
	eventually(t, "it is primary", func() error {
		var hello struct{ IsWritablePrimary bool }
		err := admin.RunCommand(t.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
		if err == nil && !hello.IsWritablePrimary {
			err = errors.New("it is not")
		}
		return err
	})
}
