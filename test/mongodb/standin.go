// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// AsMember logs in as the servers of a replica set do among each other, also at one that is in none yet.
func AsMember(o *options.ClientOptions) { o.Auth.AuthSource, o.ReplicaSet = "local", nil }

// StartStandIn starts the stand-in as a replica set of one, until the test ends. Its root is what members are.
func StartStandIn(t *testing.T) *Server {
	t.Helper()
	folder := t.TempDir()
	s := newServer(t, folder)
	s.Root = Login{"__system", "theContentOfAKeyFile"}
	s.options = "authSource=admin&replicaSet=rs0&tls=true"
	must(t, os.WriteFile(filepath.Join(folder, "keyfile"), []byte(s.Root.Password), 0o400))
	must(t, os.Mkdir(filepath.Join(folder, "data"), 0o700))
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"net": map[string]any{"port": json.Number(s.Port), "bindIp": "127.0.0.1", "tls": map[string]any{
			"mode": "requireTLS", "CAFile": s.Authority, "certificateKeyFile": filepath.Join(folder, "tls.pem"),
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
	s.initiate(t, s.Client(t, s.Root, AsMember))
	return s
}

// initiate makes a replica set of the server alone, and waits until it is primary.
func (s *Server) initiate(t *testing.T, member *mongo.Client) {
	t.Helper()
	admin := member.Database("admin")
	must(t, admin.RunCommand(t.Context(), bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: "rs0"}, {Key: "version", Value: 1}, {Key: "protocolVersion", Value: 1},
		{Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: s.Host + ":" + s.Port}}}},
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
