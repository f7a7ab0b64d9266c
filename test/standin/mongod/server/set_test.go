// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/pkg/tlsutil"
	"github.com/atlasdb/atlasdb/test/standin/mongod/server"
)

const (
	key      = "QWtleWZpbGVvZmF0bGFzZGJzdGFuZGlu"
	deadline = time.Minute
)

// set is some servers that are or become a replica set.
type set struct {
	*testing.T
	network   *network
	authority *tlsutil.Authority
	nodes     []*node
}

// d is a document of names and values.
func d(pairs ...any) bson.D {
	document := bson.D{}
	for i := 0; i < len(pairs); i += 2 {
		document = append(document, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return document
}

// node is one server, in this process.
type node struct {
	*set
	host, folder string
	version      string
	server       *server.Server
	stopped      chan error
}

// simulate runs a test of a set of so many servers, in a time of its own.
func simulate(t *testing.T, size int, test func(s *set)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newSet(t, size)) })
}

func newSet(t *testing.T, size int) *set {
	t.Helper()
	authority, err := tlsutil.NewAuthority("simulated", time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &set{T: t, authority: authority, network: &network{listeners: map[string]*listener{}}}
	for range size {
		s.add()
	}
	return s
}

// add starts a server that is in no set yet.
func (s *set) add() *node {
	s.Helper()
	n := &node{set: s, folder: s.TempDir(), version: "7.0.24"}
	n.host = fmt.Sprintf("orders-%d.orders:27017", len(s.nodes))
	n.write()
	s.nodes = append(s.nodes, n)
	n.start()
	s.Cleanup(n.kill)
	return n
}

// write writes the files that a server is started with.
func (n *node) write() {
	n.Helper()
	pair, err := n.authority.IssueServer("member", []string{n.name()}, time.Now(), rand.Reader)
	if err != nil {
		n.Fatal(err)
	}
	n.file("tls.pem", string(pair.KeyPEM)+string(pair.CertPEM))
	n.file("ca.pem", string(n.authority.CertPEM))
	n.file("keyfile", key+"\n")
	if err := os.Mkdir(n.path("data"), 0o700); err != nil {
		n.Fatal(err)
	}
	n.file("mongod.conf", fmt.Sprintf(`
net:
  {bindIp: 127.0.0.1, maxIncomingConnections: 2000,
   tls: {mode: requireTLS, certificateKeyFile: %s, CAFile: %s}}
security: {keyFile: %s, authorization: enabled}
storage: {dbPath: %s}
replication: {replSetName: rs0}
setParameter: {tlsWithholdClientCertificate: true}
`, n.path("tls.pem"), n.path("ca.pem"), n.path("keyfile"), n.path("data")))
}

func (n *node) name() string { return strings.TrimSuffix(n.host, ":27017") }

func (n *node) path(name string) string { return filepath.Join(n.folder, name) }

func (n *node) file(name, content string) {
	n.Helper()
	if err := os.WriteFile(n.path(name), []byte(content), 0o600); err != nil {
		n.Fatal(err)
	}
}

func (n *node) start() {
	n.Helper()
	o, err := server.ReadOptions(n.path("mongod.conf"), n.version)
	if err != nil {
		n.Fatal(err)
	}
	o.Dial = n.network.DialContext
	listener := n.network.listen(n.host)
	log := slog.New(slog.NewTextHandler(n.Output(), nil)).With("member", n.host)
	if n.server, err = server.New(context.Background(), o, log); err != nil {
		n.Fatal(err)
	}
	n.stopped = make(chan error, 1)
	go func(s *server.Server, stopped chan error) { stopped <- s.Serve(listener) }(n.server, n.stopped)
}

// kill ends a server without any goodbye.
func (n *node) kill() {
	if n.server != nil {
		n.server.Close()
		n.server = nil
	}
}

// client connects to this server alone, as a member or as a user.
func (n *node) client(credential *options.Credential) *mongo.Client {
	n.Helper()
	// Polling, since a client that ends at once would else now and then wait for the end of a waiting hello.
	return n.connect(options.Client().SetHosts([]string{n.host}).SetDirect(true).SetAuth(*credential).
		SetServerMonitoringMode("poll"))
}

// asMember is the login by which the agent and the other members come in.
func asMember() *options.Credential {
	return &options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: "local", Username: "__system", Password: key}
}

// client connects to the set, as an application does.
func (s *set) client(credential *options.Credential) *mongo.Client {
	s.Helper()
	var hosts []string
	for _, n := range s.nodes {
		hosts = append(hosts, n.host)
	}
	return s.connect(options.Client().SetHosts(hosts).SetReplicaSet("rs0").SetAuth(*credential))
}

func (s *set) connect(o *options.ClientOptions) *mongo.Client {
	s.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.authority.CertPEM)
	o.SetTLSConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	o.SetDialer(s.network).SetServerSelectionTimeout(deadline)
	client, err := mongo.Connect(o)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client
}

// run runs a command on a member's admin database.
func (n *node) run(command any) (bson.M, error) {
	ctx, cancel := context.WithTimeout(n.Context(), deadline)
	defer cancel()
	client := n.client(asMember())
	defer func() { _ = client.Disconnect(ctx) }()
	var reply bson.M
	err := client.Database("admin").RunCommand(ctx, command).Decode(&reply)
	return reply, err
}

func (n *node) must(command any) bson.M {
	n.Helper()
	reply, err := n.run(command)
	if err != nil {
		n.Fatalf("%v on %s: %v", command, n.host, err)
	}
	return reply
}

// eventually waits for a condition.
func (s *set) eventually(what string, condition func() bool) {
	s.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if condition() {
			return
		}
	}
	s.Fatalf("not within %s: %s", deadline, what)
}

// initiate makes a set of the first server, as AtlasDB does.
func (s *set) initiate() {
	s.Helper()
	s.nodes[0].must(d("replSetInitiate", d("_id", "rs0",
		"version", 1, "protocolVersion", 1,
		"members", bson.A{d("_id", 0, "host", s.nodes[0].host)},
		"settings", d("electionTimeoutMillis", 5000, "heartbeatIntervalMillis", 1000))))
	s.eventually("a primary", func() bool { return s.nodes[0].hello()["isWritablePrimary"] == true })
}

func (n *node) hello() bson.M {
	reply, err := n.run(d("hello", 1))
	if err != nil {
		return bson.M{}
	}
	return reply
}

// grow makes the set of all servers one voter at a time, as AtlasDB does: without a vote first.
func (s *set) grow() {
	s.Helper()
	for id, n := range s.nodes[1:] {
		s.reconfigure(func(c bson.M) {
			c["members"] = append(c["members"].(bson.A), d("_id", id+1, "host", n.host,
				"votes", 0, "priority", 0))
		})
		s.eventually(n.host+" is a secondary", func() bool { return n.hello()["secondary"] == true })
		s.reconfigure(func(c bson.M) {
			m := c["members"].(bson.A)[id+1].(bson.D)
			for i := range m {
				switch m[i].Key {
				case "votes", "priority":
					m[i].Value = 1
				}
			}
		})
	}
}

// reconfigure changes the configuration at the primary, and tries again while the last one is not committed.
func (s *set) reconfigure(change func(config bson.M)) {
	s.Helper()
	s.eventually("the configuration is changed", func() bool {
		p := s.primary()
		config := p.must(d("replSetGetConfig", 1))["config"].(bson.D)
		m := bson.M{}
		for _, e := range config {
			m[e.Key] = e.Value
		}
		m["version"] = m["version"].(int32) + 1
		change(m)
		_, err := p.run(d("replSetReconfig", m))
		if err != nil {
			s.Log(err)
		}
		return err == nil
	})
}

// primary waits for one.
func (s *set) primary() (primary *node) {
	s.Helper()
	s.eventually("a primary", func() bool {
		for _, n := range s.nodes {
			if n.running() && n.hello()["isWritablePrimary"] == true {
				primary = n
				return true
			}
		}
		return false
	})
	return primary
}

func (n *node) running() bool { return n.server != nil }
