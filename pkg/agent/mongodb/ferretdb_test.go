// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build ferretdb

package mongodb

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/resource"
	others "github.com/atlasdb/atlasdb/test/mongodb"
)

// These tests are for `make mongodb-ferretdb`. What answers is FerretDB, which is no mongod: it has logins as one has
// them and no replica sets.

// accessTo is how the agent logs in, at a FerretDB that was told of the login of members.
func accessTo(t *testing.T, s *others.Server) Access {
	t.Helper()
	folder := t.TempDir()
	authority, err := os.ReadFile(s.Authority)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, resource.CACertKey), authority, 0o600))
	must(t, os.WriteFile(filepath.Join(folder, resource.ReplicationPasswordKey), []byte("shared"), 0o600))
	member := mongodb.UserDocument{
		ID: mongodb.MemberDatabase + "." + mongodb.MemberUser, User: mongodb.MemberUser, Database: mongodb.MemberDatabase,
		Credentials: map[string]mongodb.Credential{
			mongodb.Mechanism: mongodb.CredentialOf(mongodb.KeyFile("shared"), []byte("a salt of twenty-eight bytes")),
		},
	}
	must(t, keepUser(t.Context(), usersOf(s.Client(t, s.Root)), member))
	return Access{certificates: folder, dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(local, s.Port))
	}}
}

func usersOf(at *mongo.Client) *mongo.Collection {
	return at.Database(mongodb.AuthDatabase).Collection(usersCollection)
}

// TestFerretDBLetsInWhomTheAgentKeeps has the agent's own connection write a login from what is in a plan, once more
// with another password, and nothing when it is as it should be.
func TestFerretDBLetsInWhomTheAgentKeeps(t *testing.T) {
	t.Parallel()
	s := others.StartFerretDB(t)
	agent, err := accessTo(t, s).toSelf(nil)
	must(t, err)
	defer disconnect(t.Context(), agent)
	written := map[string]bson.Raw{}
	for _, password := range []string{"first", "second", "second"} {
		user, err := mongodb.UserDocumentOf(engine.PlanUser{Name: "app", Verifier: verifier(password)})
		must(t, err)
		must(t, keepUser(t.Context(), usersOf(agent), user))
		must(t, s.Client(t, others.Login{User: "app", Password: password}).Ping(t.Context(), nil))
		document, err := usersOf(agent).FindOne(t.Context(), bson.D{{Key: "_id", Value: user.ID}}).Raw()
		must(t, err)
		if before, again := written[password]; again && before.String() != document.String() {
			t.Errorf("it was written again:\n%s\n%s", before, document)
		}
		written[password] = document
	}
	if err := s.Client(t, others.Login{User: "app", Password: "first"}).Ping(t.Context(), nil); err == nil {
		t.Error("the former password still opens a session")
	}
}

// TestFerretDBAnswersTheAgent reads what of the agent's questions FerretDB answers, and has a scrape say that the rest
// is missing rather than 0.
func TestFerretDBAnswersTheAgent(t *testing.T) {
	t.Parallel()
	access := accessTo(t, others.StartFerretDB(t))
	agent, err := access.toSelf(nil)
	must(t, err)
	defer disconnect(t.Context(), agent)
	said, err := askHello(t.Context(), agent)
	must(t, err)
	version, err := askVersion(t.Context(), agent)
	must(t, err)
	status, err := ask[serverStatus](t.Context(), agent, mongodb.AuthDatabase, bson.D{{Key: "serverStatus", Value: 1}})
	must(t, err)
	if !said.IsWritablePrimary || version == "" || status.UptimeSeconds <= 0 {
		t.Errorf("hello is %+v, the version %q, serverStatus %+v", said, version, status)
	}
	metrics := NewMetrics(t.Context(), access)
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	if n, err := testutil.GatherAndCount(registry); n != 1 || err != nil {
		t.Errorf("a scrape of a server without replica sets has %d series, want only %sup: %v", n, prefix, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
