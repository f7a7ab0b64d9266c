// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

func TestVerifier(t *testing.T) {
	t.Parallel()
	// printf secret | sha256sum
	const want = "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	if got := (Engine{}).Verifier("uid", "app", "secret"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUsersFile(t *testing.T) {
	t.Parallel()
	a := Accounts{Agent: "#aa", Replication: "#bb", Users: []engine.PlanUser{{Name: "app", Verifier: "#cc"}}}
	const theirs = " #cc ~* &* +@all -@admin -@dangerous +info +role +flushdb +flushall +sort +sort_ro\n"
	const ours = "user default reset\n" +
		"user atlasdb reset on #aa ~* &* +@all\n" +
		"user atlasdb_replication reset on #bb +psync +replconf +ping\n"
	if d := cmp.Diff(ours+"user app reset on"+theirs, a.File()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	a.Closed = true
	if d := cmp.Diff(ours+"user app reset off"+theirs, a.File()); d != "" {
		t.Errorf("closed (-want +got):\n%s", d)
	}
}

// refusal is how a server says that a user may not: by the user's rules, within a script, or for everybody.
var refusal = regexp.MustCompile(`permission|can't run this command|not allowed`)

// TestApplication: a real server lets an application do what is its own, and nothing else.
func TestApplication(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		app := s.as("app", appPassword)
		defer func() { _ = app.Close() }()
		for _, command := range []string{
			"SET k v", "GET k", "DEL k", "SCAN 0", "DBSIZE", "SELECT 1", "INFO", "ROLE", "FLUSHDB", "FLUSHALL", "WAIT 0 1",
			"EVAL return(1) 0", "EVAL return(redis.call('set','a','b')) 0", "PUBLISH c m", "LPUSH l 2 1", "SORT l",
			"XADD s * a b", "MULTI", "DISCARD", "CLIENT SETNAME x", "CLIENT ID", "COMMAND COUNT", "HELLO 3", "OBJECT HELP",
			"ACL WHOAMI", "MEMORY USAGE l", "EXPIRE l 10", "SUBSCRIBE c",
		} {
			if err := do(t, app, command); err != nil && strings.HasPrefix(err.Error(), "NOPERM") {
				t.Errorf("%s: %v", command, err)
			}
		}
		for _, command := range []string{
			"CONFIG GET *", "CONFIG SET maxmemory 1", "CONFIG REWRITE", "MODULE LIST", "MODULE LOAD x", "DEBUG SLEEP 0",
			"ACL LIST", "ACL SETUSER app +@all", "ACL GETUSER app", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "SLAVEOF NO ONE",
			"FAILOVER", "CLUSTER RESET", "CLUSTER FAILOVER", "SAVE", "BGSAVE", "BGREWRITEAOF", "MONITOR", "PSYNC ? -1", "SYNC",
			"REPLCONF ACK 1", "CLIENT LIST", "CLIENT KILL 1.1.1.1:1", "CLIENT PAUSE 1", "KEYS *", "MIGRATE h 1 k 0 1",
			"LATENCY RESET", "SLOWLOG GET", "SWAPDB 0 1", "EVAL return(redis.call('keys','*')) 0",
		} {
			if err := do(t, app, command); err == nil || !refusal.MatchString(err.Error()) {
				t.Errorf("%s: %v, want no permission", command, err)
			}
		}
	})
}

// TestStrangersGetNothing: who does not log in, or logs in as another member, does nothing with data.
func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		for login, client := range map[string]*goredis.Client{
			"nobody": s.as("", ""), "default": s.as("default", "x"), "app": s.as("app", "wrong"),
			"a member": s.as(ReplicationUser, membersPassword),
		} {
			if err := client.Get(t.Context(), "k").Err(); err == nil || err == goredis.Nil { //nolint:errorlint // it is never wrapped
				t.Errorf("%s reads a key: %v", login, err)
			}
			_ = client.Close()
		}
		member := s.as(ReplicationUser, membersPassword)
		defer func() { _ = member.Close() }()
		must(t, member.Ping(t.Context()).Err())
	})
}

// TestRulesAreWhole: giving a user its rules again changes nothing, whatever it had before.
func TestRulesAreWhole(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		before, err := s.ACLList(t.Context()).Result()
		must(t, err)
		must(t, s.ACLSetUser(t.Context(), "app", "nopass", "+@all", "resetkeys", "~other").Err())
		for _, account := range accounts().All() {
			must(t, s.ACLSetUser(t.Context(), account.Name, account.Rules...).Err())
		}
		after, err := s.ACLList(t.Context()).Result()
		must(t, err)
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("(-from the file +by command):\n%s", d)
		}
	})
}

// do sends a command in words.
func do(t *testing.T, client *goredis.Client, command string) error {
	t.Helper()
	words := strings.Fields(command)
	arguments := make([]any, len(words))
	for i, word := range words {
		arguments[i] = word
	}
	return client.Do(t.Context(), arguments...).Err()
}
