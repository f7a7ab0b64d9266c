// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
)

// users are who may log in at the server.
type users struct {
	// closed says that applications may not.
	closed bool
	// made are the rules of those that the server has.
	made map[string][]string
}

// accounts are the users that should be there.
func (d *Driver) accounts(plan engine.Plan) (redis.Accounts, error) {
	password, err := d.replicationPassword()
	return redis.Accounts{
		Agent: redis.PasswordRule(d.access.Password), Replication: redis.PasswordRule(password),
		Users: plan.Users, Clustered: d.options.Clustered, Closed: d.users.closed,
	}, err
}

// writeUsers writes the users' file for a server that is about to start.
func (d *Driver) writeUsers(plan engine.Plan) error {
	accounts, err := d.accounts(plan)
	if err != nil {
		return err
	}
	d.users.made = map[string][]string{}
	for _, account := range accounts.All() {
		d.users.made[account.Name] = account.Rules
	}
	return volumes.WriteDurably(filepath.Join(d.options.SocketDirectory, redis.UsersFile), []byte(accounts.File()))
}

// keepUsers makes the users of a running server be as they should, one by one: to load the file again would end the
// sessions of all. Whoever is kept out has no session left when it returns.
func (d *Driver) keepUsers(ctx context.Context, plan engine.Plan) error {
	accounts, err := d.accounts(plan)
	if err != nil {
		return err
	}
	stale := map[string]bool{}
	for name := range d.users.made {
		stale[name] = true
	}
	for _, account := range accounts.All() {
		delete(stale, account.Name)
		if slices.Equal(d.users.made[account.Name], account.Rules) {
			continue
		}
		if err := d.makeUser(ctx, account); err != nil {
			return err
		}
		d.users.made[account.Name] = account.Rules
	}
	for name := range stale {
		if err := d.client.ACLDelUser(ctx, name).Err(); err != nil { // ends its sessions too
			return fmt.Errorf("removing user %s: %w", name, err)
		}
		delete(d.users.made, name)
	}
	return nil
}

// makeUser gives a user its rules. One that is turned off is thrown out, since its sessions would go on.
func (d *Driver) makeUser(ctx context.Context, account redis.Account) error {
	if err := d.client.ACLSetUser(ctx, account.Name, account.Rules...).Err(); err != nil {
		return fmt.Errorf("making user %s: %w", account.Name, err)
	}
	if !slices.Contains(account.Rules, "off") {
		return nil
	}
	if err := d.client.ClientKillByFilter(ctx, "USER", account.Name).Err(); err != nil {
		return fmt.Errorf("ending the sessions of user %s: %w", account.Name, err)
	}
	return nil
}
