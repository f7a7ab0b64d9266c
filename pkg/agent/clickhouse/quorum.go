// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// unregisteredFor is how long a part may be on the disk before the keepers must know of it: a server tells them before
// it shows the part to anybody, unless it lost them just then.
const unregisteredFor = 30 * time.Second

// giveUpAgainAfter is how long a table is left alone in which nothing was given up although it should have been.
const giveUpAgainAfter = 10 * time.Minute

// giveUp takes away what this member alone kept of writes that no client was told of. There are two ways to such rows,
// which no other replica has.
//
// When the keepers lose a member that has a part which nobody else has, the others agree that its quorum failed, and
// the member looks for such parts before it is there again; one that fails between its look and its return stays. And a
// server that lost the keepers while it told them of a part keeps that, and looks five minutes later whether they know
// of it.
//
// A server does both when a replica of it is restarted; what it gives up goes to the detached parts.
func (d *Driver) giveUp(ctx context.Context, plan engine.Plan) error {
	if len(plan.Ensemble()) == 0 || time.Since(d.gaveUp) < sweepEvery {
		return nil
	}
	mine, err := replicas(ctx, d.client)
	if err != nil {
		return fmt.Errorf("reading the replicated tables: %w", err)
	}
	for _, r := range mine {
		if r.ReadOnly || time.Since(d.run.gaveUp[r.Path]) < giveUpAgainAfter {
			continue
		}
		if err := d.giveUpIn(ctx, r, unregisteredFor); err != nil {
			return err
		}
	}
	d.gaveUp = time.Now()
	return nil
}

// giveUpIn does so in one table. A server that would have to give up more than half of the rows makes sure that nobody
// erred by not taking the table at all; then it is left to find out by itself.
func (d *Driver) giveUpIn(ctx context.Context, r clickhouse.Replica, unregistered time.Duration) error {
	failed := clickhouse.Text(path.Join(r.Path, "quorum/failed_parts"))
	registered := clickhouse.Text(path.Join(r.Path, "replicas", d.options.Member, "parts"))
	seconds := strconv.Itoa(int(unregistered.Seconds()))
	condemned, err := number(ctx, d.client,
		"SELECT toUInt64(sumIf(rows, nobodys) * 2 <= sum(rows) ? countIf(nobodys) : 0) FROM (SELECT rows, "+
			"name IN (SELECT name FROM system.zookeeper WHERE path = "+failed+") OR "+
			"(modification_time < now() - "+seconds+" AND name NOT IN (SELECT name FROM system.zookeeper WHERE path = "+
			registered+")) AS nobodys FROM system.parts WHERE active AND database = "+clickhouse.Text(r.Database)+
			" AND table = "+clickhouse.Text(r.Table)+")")
	if err != nil {
		return fmt.Errorf("looking for parts of %s.%s that are nobody's: %w", r.Database, r.Table, err)
	}
	if condemned == 0 {
		return nil
	}
	klog.FromContext(ctx).Info("Giving up parts that no other replica has", "database", r.Database, "table", r.Table,
		"parts", condemned)
	if d.run.gaveUp == nil {
		d.run.gaveUp = map[string]time.Time{}
	}
	d.run.gaveUp[r.Path] = time.Now()
	name := clickhouse.Table{Database: r.Database, Name: r.Table}.FullName()
	if err := d.client.Exec(ctx, "SYSTEM RESTART REPLICA "+name); err != nil {
		return fmt.Errorf("having %s look again: %w", name, err)
	}
	return nil
}
