// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// privilege is what a command needs of whoever asks for it.
type privilege int

// The privileges. Internal is for other members alone.
const (
	nothing privilege = iota
	read
	write
	manage
	operate
	internal
)

// everywhere is the scope of a role that holds for all databases.
const everywhere = ""

// rolePrivileges are the built-in roles that are known ("Built-In Roles",
// mongodb.com/docs/manual/reference/built-in-roles/). Those of the second list hold in all databases.
var rolePrivileges = map[string][]privilege{
	"read":      {read},
	"readWrite": {read, write},
	"dbAdmin":   {manage},
	"dbOwner":   {read, write, manage},
}

var globalRoles = map[string][]privilege{
	"root":                 {read, write, manage, operate},
	"readAnyDatabase":      {read},
	"readWriteAnyDatabase": {read, write},
	"dbAdminAnyDatabase":   {manage},
	"clusterAdmin":         {operate},
	"clusterManager":       {operate},
	"clusterMonitor":       {operate},
}

// role is a role that a user has been given.
type role struct {
	Role     string `bson:"role"`
	Database string `bson:"db"`
}

func (s *Server) allow(r *request, needs privilege) error {
	if needs == nothing || r.login.isMember() {
		return nil
	}
	if r.login.user == "" {
		return fail(unauthorized, "Command %s requires authentication", r.name)
	}
	if needs != internal && s.has(r, needs) {
		return nil
	}
	return fail(unauthorized, "not authorized on %s to execute command %s", r.database, r.name)
}

func (l login) isMember() bool { return l.user == wire.Login && l.database == wire.LoginDatabase }

// has asks the user's roles as they are now.
func (s *Server) has(r *request, needs privilege) bool {
	return slices.ContainsFunc(s.roles(r.login), func(given role) bool {
		scope, privileges := given.Database, rolePrivileges[given.Role]
		if global, found := globalRoles[given.Role]; found && given.Database == "admin" {
			scope, privileges = everywhere, global
		}
		return (scope == everywhere || scope == r.database) && slices.Contains(privileges, needs)
	})
}

func (s *Server) roles(l login) []role {
	var user struct {
		Roles []role `bson:"roles"`
	}
	if err := bson.Unmarshal(s.user(l.user, l.database), &user); err != nil {
		return nil
	}
	return user.Roles
}

func (s *Server) connectionStatus(_ context.Context, r *request) (bson.D, error) {
	users, roles := bson.A{}, bson.A{}
	if r.login.user != "" {
		users = append(users, bson.D{{Key: "user", Value: r.login.user}, {Key: "db", Value: r.login.database}})
	}
	for _, given := range s.roles(r.login) {
		roles = append(roles, given)
	}
	return bson.D{{Key: "authInfo", Value: bson.D{
		{Key: "authenticatedUsers", Value: users}, {Key: "authenticatedUserRoles", Value: roles}}}}, nil
}
