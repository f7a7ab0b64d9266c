// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"strings"
	"testing"
)

// TestOldServerTakesTheConfiguration: the real 18.16.1 starts with what is rendered for it, and closes what it should.
func TestOldServerTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := start(t, oldServer(t), planOf(oldBuild, 1, 1, 0), "orders-db-0-0", "127.0.77.1")
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
