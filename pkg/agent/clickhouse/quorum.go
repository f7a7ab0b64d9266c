// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"path"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// giveUp takes away what this member alone kept of writes whose quorum failed. When the keepers lose a member that has a
// part which nobody else has, the others agree that the part failed, and the member looks for such parts before it is
// there again. One that fails between its look and its return stays with it, as rows that no other replica has, until
// it looks again: a server does so when a replica of it is restarted, and the part goes to the detached ones.
func (d *Driver) giveUp(ctx context.Context, plan engine.Plan) error {
	if len(plan.Ensemble()) == 0 || time.Since(d.gaveUp) < sweepEvery {
		return nil
	}
	mine, err := replicas(ctx, d.client)
	if err != nil {
		return fmt.Errorf("reading the replicated tables: %w", err)
	}
	for _, r := range mine {
		if r.ReadOnly {
			continue
		}
		if err := d.giveUpIn(ctx, r); err != nil {
			return err
		}
	}
	d.gaveUp = time.Now()
	return nil
}

// giveUpIn does so in one table.
func (d *Driver) giveUpIn(ctx context.Context, r clickhouse.Replica) error {
	failed, err := number(ctx, d.client, "SELECT toUInt64(count()) FROM system.zookeeper WHERE path = "+
		clickhouse.Text(path.Join(r.Path, "quorum/failed_parts"))+" AND name IN (SELECT name FROM system.parts WHERE active"+
		" AND database = "+clickhouse.Text(r.Database)+" AND table = "+clickhouse.Text(r.Table)+")")
	if err != nil {
		return fmt.Errorf("looking for parts of %s.%s whose quorum failed: %w", r.Database, r.Table, err)
	}
	if failed == 0 {
		return nil
	}
	klog.FromContext(ctx).Info("Giving up parts that the other replicas gave up", "database", r.Database,
		"table", r.Table, "parts", failed)
	name := clickhouse.Table{Database: r.Database, Name: r.Table}.FullName()
	if err := d.client.Exec(ctx, "SYSTEM RESTART REPLICA "+name); err != nil {
		return fmt.Errorf("having %s look again: %w", name, err)
	}
	return nil
}
