// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Accounts are all users of a server.
type Accounts struct {
	// Agent and Replication are the PasswordRules of AtlasDB's own users.
	Agent, Replication string
	// Users are those of the plan.
	Users []engine.PlanUser
	// Clustered says that members do more for each other than to copy: they move slots, and hand over.
	Clustered bool
	// Closed keeps the users of the plan out. Sessions that are there already go on until they are ended.
	Closed bool
}

// Account is one user.
type Account struct {
	// Name is the user's name, Rules are all that it may, as ACL SETUSER takes them: they begin with nothing.
	Name  string
	Rules []string
}

// applicationRules are what an application may do: all that concerns its own data, and nothing that concerns the
// server or other clients.
//
// The categories @admin and @dangerous have what changes the server (CONFIG, MODULE, DEBUG, ACL, SHUTDOWN, REPLICAOF,
// FAILOVER, SAVE), what listens to others (MONITOR, PSYNC, CLIENT LIST and KILL) and what stands in everybody's way:
// KEYS, which stops the server until it has looked at every key; SCAN does the same in small pieces. Given back are:
//
//   - INFO and ROLE, which client libraries ask for the version and for who is primary;
//   - FLUSHDB and FLUSHALL: an application may delete each of its keys, so it may delete all of them, as the cache of
//     many a framework does;
//   - SORT and SORT_RO, dangerous only to who may not read every key, and an application may.
//
// A script may do what its caller may.
var applicationRules = []string{
	"~*", "&*", "+@all", "-@admin", "-@dangerous", "+info", "+role", "+flushdb", "+flushall", "+sort", "+sort_ro",
}

// All gives every user with its rules. The user default, as whom a connection begins, may do nothing: who does not log
// in gets nothing done.
func (a Accounts) All() []Account {
	members := []string{"reset", "on", a.Replication, "+psync", "+replconf", "+ping"}
	if a.Clustered {
		members = append(members, "~*", "+cluster", "+info", "+restore", "+restore-asking", "+select")
	}
	all := []Account{
		{Name: "default", Rules: []string{"reset"}},
		{Name: AgentUser, Rules: []string{"reset", "on", a.Agent, "~*", "&*", "+@all"}},
		{Name: ReplicationUser, Rules: members},
	}
	state := "on"
	if a.Closed {
		state = "off"
	}
	for _, user := range a.Users {
		all = append(all, Account{
			Name: user.Name, Rules: slices.Concat([]string{"reset", state, user.Verifier}, applicationRules),
		})
	}
	return all
}

// File renders UsersFile.
func (a Accounts) File() string {
	var b strings.Builder
	for _, account := range a.All() {
		b.WriteString("user " + account.Name + " " + strings.Join(account.Rules, " ") + "\n")
	}
	return b.String()
}
