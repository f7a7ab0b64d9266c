// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// TestOldServerTakesTheConfiguration: the real 18.16.1 starts with what is rendered for it, and closes what it should.
func TestOldServerTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newStage(t, oldServer(t), planOf(oldBuild, 1, 1, 0)).start(t, "orders-db-0-0", "127.0.77.1")
	for _, c := range []struct{ name, user, password, statement, want string }{
		{"the agent makes the database", AgentUser, agentPassword, "CREATE DATABASE IF NOT EXISTS app", ""},
		{"the application has its database", Database, appPassword, "CREATE TABLE app.t (k UInt8) ENGINE = Log", ""},
		{"and no other", Database, appPassword, "CREATE DATABASE other", "Access denied"},
		{"not that of everybody", Database, appPassword, "SELECT * FROM default.t", "Access denied"},
		{"nobody as default", "default", "", "SELECT 1", "Unknown user default"},
		{"no password", Database, "", "SELECT 1", "Password required"},
		{"another password", Database, "x", "SELECT 1", "Wrong password"},
		{"the members' user", InterserverUser, membersPassword, "SELECT count() FROM app.t", "0"},
	} {
		if got := s.query(c.user, c.password, c.statement); !strings.Contains(got, c.want) || (c.want == "" && got != "") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := os.Stat(s.path("merged/config.xml")); err != nil {
		t.Errorf("the copy of the configuration is not where it should be: %v", err)
	}
}

// TestOldServerTakesEveryParameter: the real 18.16.1 starts with each setting of the table that is said to be its own.
func TestOldServerTakesEveryParameter(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"timezone": "Asia/Tokyo", "logger.level": "debug", "dictionaries_lazy_load": "false",
		"merge_tree.parts_to_throw_insert": "77",
	}
	for name, p := range serverParameters {
		if (p.old || p.pool) && values[name] == "" {
			values[name] = "77"
		}
	}
	spec := newSpec("1Gi")
	spec.Version, spec.Members, spec.Parameters = oldBuild, 1, map[string]v1alpha1.ParameterValue{}
	for name, value := range values {
		spec.Parameters[name] = v1alpha1.ParameterValue(value)
	}
	if errs := (Engine{}).Validate(spec); len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	plan := planOf(oldBuild, 1, 1, 0)
	plan.Files = Engine{}.Configure(spec, oldBuild)
	s := newStage(t, oldServer(t), plan).start(t, "orders-db-0-0", "127.0.77.2")
	for statement, want := range map[string]string{
		"SELECT timezone()": "Asia/Tokyo",
		"SELECT value FROM system.settings WHERE name = 'background_pool_size'":                       "77",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'parts_to_throw_insert'":           "77",
		"CREATE TABLE default.t (k UInt8) ENGINE = MergeTree ORDER BY k SETTINGS index_granularity=1": "",
	} {
		if got := s.query(AgentUser, agentPassword, statement); got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
}

// TestOldMembersReplicate: two real 18.16.1 and a real ZooKeeper, each at an address of its own: what one accepts the
// other has, over TLS, with the members' password and by the quorum.
func TestOldMembersReplicate(t *testing.T) {
	t.Parallel()
	plan := planOf(oldBuild, 1, 2, 1)
	for i := range plan.Members {
		plan.Members[i].Host = "127.0.78." + strconv.Itoa(i+1)
	}
	g := newStage(t, oldServer(t), plan)
	g.keep(t, "orders-db-keeper-0", "127.0.78.3")
	a, b := g.start(t, "orders-db-0-0", "127.0.78.1"), g.start(t, "orders-db-0-1", "127.0.78.2")
	const create = "CREATE TABLE app.t (k UInt64) ENGINE = " +
		"ReplicatedMergeTree('/clickhouse/tables/{shard}/app/t', '{replica}') ORDER BY k"
	for _, s := range []*server{a, b} {
		s.tell(t, AgentUser, agentPassword, "CREATE DATABASE IF NOT EXISTS app", "")
		s.tell(t, Database, appPassword, create, "")
	}
	a.await(t, "SELECT active_replicas FROM system.replicas", "2")
	a.tell(t, Database, appPassword, "INSERT INTO app.t FORMAT CSV 1", "") // waits for the quorum, which is both
	b.tell(t, Database, appPassword, "SELECT count() FROM app.t", "1")
	a.tell(t, Database, appPassword, "CREATE TABLE app.d AS app.t ENGINE = Distributed('orders', 'app', 't', rand())", "")
	a.tell(t, Database, appPassword, "SELECT count() FROM app.d", "1") // by the members' user
	b.tell(t, AgentUser, agentPassword, "SELECT replica_name FROM system.replicas", "orders-db-0-1")
}

// tell says a statement, and fails when the answer is another.
func (s *server) tell(t *testing.T, user, password, statement, want string) {
	t.Helper()
	if got := s.query(user, password, statement); got != want {
		t.Fatalf("%s: got %q, want %q", statement, got, want)
	}
}

// await asks until the answer comes.
func (s *server) await(t *testing.T, statement, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got = s.query(AgentUser, agentPassword, statement); got == want {
			return
		}
	}
	t.Fatalf("%s: got %q, want %q", statement, got, want)
}
