// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// accounts are all users of a server. There is no user "default", as whom a connection begins that names nobody, and
// none without a password.
func (d Dialect) accounts(plan engine.Plan, own Own) (string, error) {
	users := group("users", d.agent(own), d.sibling(plan, own))
	for _, user := range plan.Users {
		if err := judgeUser(user); err != nil {
			return "", err
		}
		users.children = append(users.children, d.application(plan, user))
	}
	return render(d.Root, users)
}

var (
	userForm     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	verifierForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// judgeUser refuses a user that could be mistaken for one of AtlasDB's, or come in without a password.
func judgeUser(user engine.PlanUser) error {
	switch {
	case !userForm.MatchString(user.Name):
		return fmt.Errorf("user %q: a name has letters, digits and _", user.Name)
	case user.Name == AgentUser || user.Name == InterserverUser || user.Name == "default":
		return fmt.Errorf("user %q: the name is taken", user.Name)
	case !verifierForm.MatchString(user.Verifier):
		return errors.New("user " + user.Name + ": the verifier is no SHA-256 in hex, and nobody may come in without one")
	}
	return nil
}

// agent may do everything, from the same machine.
func (d Dialect) agent(own Own) element {
	user := account(AgentUser, PasswordHash(own.Agent), agentProfile, "::1", "127.0.0.1")
	if d.Grants {
		user.children = append(user.children, grants("GRANT ALL ON *.* WITH GRANT OPTION"))
	}
	return user
}

// sibling is who another member logs in as: its agent, which compares tables, and in a version without ClusterSecret a
// query of an application that is spread over the shards.
func (d Dialect) sibling(plan engine.Plan, own Own) element {
	user := account(InterserverUser, PasswordHash(own.Members), "default", anywhere)
	if !d.Grants {
		user.children = append(user.children, databases(plan))
		return user
	}
	queries := []string{"GRANT SELECT ON system.*"}
	for _, database := range plan.Databases {
		queries = append(queries, "GRANT SHOW ON "+Quote(database.Name)+".*")
	}
	user.children = append(user.children, grants(queries...))
	return user
}

// application may do anything with its own databases and nothing with the server.
func (d Dialect) application(plan engine.Plan, user engine.PlanUser) element {
	one := account(user.Name, user.Verifier, appProfile, anywhere)
	if !d.Grants {
		one.children = append(one.children, databases(plan))
		return one
	}
	queries := []string{
		// What the server tells of itself is read-only, and clients ask for it.
		"GRANT SELECT ON system.*",
		"GRANT SELECT ON information_schema.*",
		"GRANT SELECT ON INFORMATION_SCHEMA.*",
		// To read from the other members, and to change the schema on all of them.
		"GRANT CREATE TEMPORARY TABLE, REMOTE, CLUSTER ON *.*",
	}
	for _, database := range plan.Databases {
		if database.Owner == user.Name {
			queries = append(queries, "GRANT "+ownDatabase+" ON "+Quote(database.Name)+".*")
		}
	}
	one.children = append(one.children, grants(queries...))
	return one
}

// ownDatabase is what an application may do with a database of its own: all but to drop it or to make another.
const ownDatabase = "SHOW, SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, CREATE DICTIONARY, DROP TABLE, " +
	"DROP VIEW, DROP DICTIONARY, TRUNCATE, OPTIMIZE, dictGet, SYSTEM SYNC REPLICA, SYSTEM FLUSH DISTRIBUTED"

// anywhere is every network: who reaches the port at all is the NetworkPolicy's to say.
const anywhere = "::/0"

func account(name, hash, profile string, networks ...string) element {
	from := group("networks")
	for _, network := range networks {
		from.children = append(from.children, leaf("ip", network))
	}
	return group(name, leaf("password_sha256_hex", hash), from, leaf("profile", profile), leaf("quota", "default"))
}

func grants(queries ...string) element {
	all := group("grants")
	for _, query := range queries {
		all.children = append(all.children, leaf("query", query))
	}
	return all
}

// databases are all that a user comes to, in a version without grants.
func databases(plan engine.Plan) element {
	all := group("allow_databases")
	for _, database := range plan.Databases {
		all.children = append(all.children, leaf("database", database.Name))
	}
	return all
}
