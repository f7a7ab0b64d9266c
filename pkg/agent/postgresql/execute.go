// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// Source is a member to copy from.
type Source struct {
	// Member and Host name it, as in its certificate; Address is its IP address, which needs no DNS.
	Member, Host, Address string
}

// Initialise makes new data, and gives it its final name only when it is complete.
func (d *Driver) Initialise(ctx context.Context, plan engine.Plan) error {
	if err := d.volume.clear(); err != nil {
		return fmt.Errorf("removing a half-made data directory: %w", err)
	}
	locale := plan.Locale
	if locale == "" {
		locale = "C.UTF-8"
	}
	err := d.run(ctx, "initdb",
		"--pgdata="+d.volume.making(), "--username="+postgresql.SuperUser, "--encoding=UTF8", "--locale="+locale,
		"--data-checksums", "--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions")
	if err != nil {
		return err
	}
	return d.volume.complete()
}

// Clone copies the data of another member, through the replication slot that it keeps for this one.
func (d *Driver) Clone(ctx context.Context, plan engine.Plan, from Source) error {
	if err := d.volume.clear(); err != nil {
		return fmt.Errorf("removing a half-made copy: %w", err)
	}
	conninfo := postgresql.Conninfo(from.Host, d.member) + " hostaddr=" + from.Address
	err := d.run(ctx, "pg_basebackup",
		"--dbname="+conninfo, "--pgdata="+d.volume.making(), "--wal-method=stream", "--checkpoint=fast",
		"--slot="+postgresql.Slot(plan.Cluster, d.member), "--no-password")
	if err != nil {
		return err
	}
	// A copy that loses its mark in a crash would start as a second primary.
	signal := filepath.Join(d.volume.making(), "standby.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		return fmt.Errorf("marking the copy as a replica: %w", err)
	}
	return d.volume.complete()
}

// StartPrimary starts the server as primary.
func (d *Driver) StartPrimary(ctx context.Context, plan engine.Plan) error {
	return d.startServer(ctx, plan, "", false)
}

// StartReplica starts the server as a replica of primary; of nobody when that is "".
func (d *Driver) StartReplica(ctx context.Context, plan engine.Plan, primary string) error {
	return d.startServer(ctx, plan, primary, true)
}

// Follow makes the running server follow another primary.
func (d *Driver) Follow(ctx context.Context, plan engine.Plan, primary string) error {
	if _, err := d.configure(ctx, plan, primary); err != nil {
		return err
	}
	d.following = primary
	return d.server.Signal(syscall.SIGHUP)
}

// Stop asks the server to end; Exited tells when it has.
func (d *Driver) Stop() error { return d.stopServer() }

// Promote makes the running replica primary and returns when it accepts writes.
func (d *Driver) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, promoteTimeout)
	defer cancel()
	pool, err := d.db.connect(ctx)
	if err != nil {
		return err
	}
	var promoted bool
	if err := pool.QueryRow(ctx, "SELECT pg_promote(true, 30)").Scan(&promoted); err != nil {
		return fmt.Errorf("promoting: %w", err)
	}
	if !promoted {
		return errors.New("the server was not promoted within 30 s")
	}
	return nil
}

// Tend keeps the running server as the plan says. It returns the parameters that wait for a restart.
func (d *Driver) Tend(ctx context.Context, plan engine.Plan, primary bool) (pending []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, tendTimeout)
	defer cancel()
	changed, err := d.configure(ctx, plan, d.following)
	if err != nil {
		return nil, err
	}
	if changed {
		if err := d.db.reload(ctx); err != nil {
			return nil, err
		}
	}
	if primary {
		if err := d.db.provision(ctx, plan); err != nil {
			return nil, fmt.Errorf("making logins and databases: %w", err)
		}
		if err := d.keepSlots(ctx, plan); err != nil {
			return nil, fmt.Errorf("keeping replication slots: %w", err)
		}
	}
	return d.db.pendingRestart(ctx)
}

// keepSlots keeps one replication slot for each other member of the plan, and drops those of members that are gone: a
// slot that nobody reads keeps WAL until the disk is full. A slot in use is left for a later pass.
func (d *Driver) keepSlots(ctx context.Context, plan engine.Plan) error {
	wanted := make([]string, 0, len(plan.Members))
	for _, m := range plan.Members {
		if m.Name != d.member {
			wanted = append(wanted, postgresql.Slot(plan.Cluster, m.Name))
		}
	}
	return d.db.keepSlots(ctx, wanted)
}
