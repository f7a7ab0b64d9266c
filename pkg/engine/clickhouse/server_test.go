// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"strconv"
	"strings"
	"testing"
)

// TestOldServerTakesTheConfiguration: the real 18.16.1 starts with what is rendered for it, and closes what it should.
func TestOldServerTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newStage(t, oldServer(t), planOf(oldBuild, 1, 1, 0)).start(t, "orders-db-0-0", "127.0.77.1")
	for name, c := range map[string]struct{ user, password, statement, want string }{
		"the agent makes the database": {AgentUser, agentPassword, "CREATE DATABASE IF NOT EXISTS app", ""},
		"the application logs in":      {Database, appPassword, "SELECT currentDatabase()", "default"},
		"nobody as default":            {"default", "", "SELECT 1", "Unknown user default"},
		"no password":                  {Database, "", "SELECT 1", "Password required"},
		"another password":             {Database, "x", "SELECT 1", "Wrong password"},
	} {
		if got := s.query(c.user, c.password, c.statement); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestOldMembersReplicate: two real 18.16.1 and a real ZooKeeper, each at an address of its own: what one accepts the
// other has, over TLS and with the members' password.
func TestOldMembersReplicate(t *testing.T) {
	t.Parallel()
	plan := planOf(oldBuild, 1, 2, 1)
	for i := range plan.Members {
		plan.Members[i].Host = "127.0.78." + strconv.Itoa(i+1)
	}
	g := newStage(t, oldServer(t), plan)
	g.keep(t, "orders-db-keeper-0", "127.0.78.3")
	a, b := g.start(t, "orders-db-0-0", "127.0.78.1"), g.start(t, "orders-db-0-1", "127.0.78.2")
	agent := func(s *server, statement string) string { return s.query(AgentUser, agentPassword, statement) }
	app := func(s *server, statement string) string { return s.query(Database, appPassword, statement) }
	t.Log(agent(a, "CREATE DATABASE app"), agent(b, "CREATE DATABASE app"))
	create := "CREATE TABLE app.t (k UInt64, v String) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/app/t', '{replica}') ORDER BY k"
	t.Log(app(a, create))
	t.Log(app(a, "INSERT INTO app.t VALUES (1, 'a')"))
	t.Log(app(b, create))
	t.Log(app(b, "SHOW CREATE TABLE app.t"))
	t.Log(app(a, "INSERT INTO app.t VALUES (1, 'a')"))
	t.Log(app(b, "SELECT * FROM app.t"))
	t.Log(app(b, "CREATE TABLE app.d AS app.t ENGINE = Distributed('orders', 'app', 't', rand())"))
	t.Log(app(b, "SELECT * FROM app.d"))
	t.Log(app(b, "SELECT database, name FROM system.tables WHERE database='app'"))
	t.Log(agent(b, "SELECT * FROM system.replicas FORMAT Vertical"))
	t.Log(agent(b, "SELECT * FROM system.clusters FORMAT Vertical"))
	t.Log(agent(b, "SELECT * FROM system.macros"))
	t.Log(agent(b, "SELECT name, value FROM system.zookeeper WHERE path='/clickhouse/tables/0/app/t/replicas'"))
	t.Log(agent(b, "SELECT * FROM system.tables WHERE database='app' FORMAT Vertical"))
	t.Log(app(a, "CREATE DATABASE other"))
	t.Log(app(a, "SELECT * FROM default.x"))
	t.Log(a.log.String())
}
