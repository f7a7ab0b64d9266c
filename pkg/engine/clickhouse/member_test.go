// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestNobodyComesInWithoutAPassword: every user that is rendered has a hash, and none is called default.
func TestNobodyComesInWithoutAPassword(t *testing.T) {
	t.Parallel()
	for _, build := range builds {
		files, err := ServerFiles(planOf(build, 1, 3, 3), "orders-db-0-0", own)
		must(t, err)
		read, err := ParseConfig(files[AccountsFile])
		must(t, err)
		users := map[string]bool{}
		for key := range read {
			users[strings.Split(key, ".")[1]] = true
		}
		for user := range users {
			if hash := read["users."+user+".password_sha256_hex"]; !verifierForm.MatchString(hash) {
				t.Errorf("%s: %s has the hash %q", build, user, hash)
			}
		}
		if len(users) != 3 || users["default"] {
			t.Errorf("%s: the users are %v", build, users)
		}
	}
}

func TestServerFilesRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*engine.Plan, *Own)
		member string
		want   string
	}{
		"a stranger":         {func(*engine.Plan, *Own) {}, "orders-db-7-0", "no member"},
		"a keeper":           {func(*engine.Plan, *Own) {}, "orders-db-keeper-0", "no member"},
		"no agent password":  {func(_ *engine.Plan, s *Own) { s.Agent = "" }, "orders-db-0-0", "empty"},
		"no shared password": {func(_ *engine.Plan, s *Own) { s.Members = "" }, "orders-db-0-0", "empty"},
		"no verifier": {
			func(p *engine.Plan, _ *Own) { p.Users[0].Verifier = "" }, "orders-db-0-0", "verifier",
		},
		"the agent's name": {
			func(p *engine.Plan, _ *Own) { p.Users[0].Name = AgentUser }, "orders-db-0-0", "taken",
		},
		"default": {func(p *engine.Plan, _ *Own) { p.Users[0].Name = "default" }, "orders-db-0-0", "taken"},
		"no name": {func(p *engine.Plan, _ *Own) { p.Users[0].Name = "a><b" }, "orders-db-0-0", "letters"},
	} {
		plan, own := planOf(newBuild, 1, 2, 1), own
		tc.change(&plan, &own)
		if _, err := ServerFiles(plan, tc.member, own); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
	if _, err := KeeperFiles(planOf(newBuild, 1, 2, 1), "orders-db-0-0"); err == nil {
		t.Error("a member is no keeper")
	}
}

// TestSecretsStayInTheirFiles: passwords are in the files of a member that only it has, and hidden from what its server
// writes to the disk; the agent's is in none.
func TestSecretsStayInTheirFiles(t *testing.T) {
	t.Parallel()
	own := Own{Agent: "Agent0123456789", Members: "Members0123456789"}
	for _, build := range builds {
		plan := planOf(build, 2, 2, 3)
		files, err := ServerFiles(plan, "orders-db-0-0", own)
		must(t, err)
		for name, content := range files {
			if strings.Contains(content, own.Agent) {
				t.Errorf("%s: the agent's password is in %s", build, name)
			}
			if name != MemberFile && strings.Contains(content, own.Members) {
				t.Errorf("%s: the members' password is in %s", build, name)
			}
		}
		for line := range strings.Lines(files[MemberFile]) {
			if strings.Contains(line, own.Members) && !strings.Contains(line, `hide_in_preprocessed="true"`) {
				t.Errorf("%s: not hidden: %s", build, line)
			}
		}
	}
}

// TestWhereMembersAreFetchedFrom: a server that never looks up again where a name leads is told an address.
func TestWhereMembersAreFetchedFrom(t *testing.T) {
	t.Parallel()
	const name = "orders-db-0-0.orders-db.shop.svc"
	for _, tc := range []struct{ build, address, want string }{
		{newBuild, "10.1.2.3", name},
		{oldBuild, "10.1.2.3", "10.1.2.3"},
		{oldBuild, "", name},
	} {
		own := own
		own.Address = tc.address
		files, err := ServerFiles(planOf(tc.build, 1, 2, 3), "orders-db-0-0", own)
		must(t, err)
		read, err := ParseConfig(files[MemberFile])
		must(t, err)
		if got := read["interserver_https_host"]; got != tc.want {
			t.Errorf("%s at %q: fetched from %q, want %q", tc.build, tc.address, got, tc.want)
		}
	}
}

// TestMembersKnowEachOther: a shard that leaves is read and gets nothing new, and keepers are where the plan has them.
func TestMembersKnowEachOther(t *testing.T) {
	t.Parallel()
	for _, build := range builds {
		plan := planOf(build, 3, 2, 3)
		plan.Shards = 2
		files, err := ServerFiles(plan, "orders-db-1-0", own)
		must(t, err)
		read, err := ParseConfig(files[MemberFile])
		must(t, err)
		for key, want := range map[string]string{
			"remote_servers.orders.shard.weight":             "",
			"remote_servers.orders.shard[2].weight":          "0",
			"remote_servers.orders.shard[2].replica[1].host": "orders-db-2-1.orders-db.shop.svc",
			"zookeeper.node[2].host":                         "orders-db-keeper-2.orders-db.shop.svc",
			"macros.shard":                                   "1",
			"macros.replica":                                 "orders-db-1-0",
		} {
			if got := read[key]; got != want {
				t.Errorf("%s: %s is %q, want %q", build, key, got, want)
			}
		}
	}
	alone, err := ServerFiles(planOf(newBuild, 1, 1, 0), "orders-db-0-0", own)
	must(t, err)
	if strings.Contains(alone[MemberFile], "zookeeper") {
		t.Error("a member without keepers looks for some")
	}
}

func TestKeeperID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"orders-db-keeper-0": 1, "orders-db-keeper-4": 5, "x": 0} {
		if got := KeeperID(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

func TestShardsOf(t *testing.T) {
	t.Parallel()
	if got := ShardsOf(planOf(newBuild, 3, 2, 3)); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("got %v", got)
	}
}
