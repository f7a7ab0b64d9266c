// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"path"
	"slices"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// sweepShards makes the keepers forget the tables of shards that left: nobody is in such a shard any more who could do
// it. The first member of all does it, for the tables that it has too.
func (d *Driver) sweepShards(
	ctx context.Context, plan engine.Plan, me engine.PlanMember, mine []clickhouse.Replica,
) error {
	if me.Shard != 0 || plan.Shards == 0 {
		return nil
	}
	all, err := tables(ctx, d.client, plan)
	if err != nil {
		return fmt.Errorf("reading the own tables: %w", err)
	}
	for _, t := range all {
		i := slices.IndexFunc(mine, func(r clickhouse.Replica) bool {
			return r.Database == t.Database && r.Table == t.Name && !r.ReadOnly
		})
		if i < 0 {
			continue
		}
		if err := d.sweepTableOfShards(ctx, plan, me, t, mine[i].Path); err != nil {
			return err
		}
	}
	return nil
}

// sweepTableOfShards looks for one table in one shard after the other that the plan does not have, until there is none:
// shards leave from the highest on.
func (d *Driver) sweepTableOfShards(
	ctx context.Context, plan engine.Plan, me engine.PlanMember, t clickhouse.Table, mine string,
) error {
	for shard := len(clickhouse.ShardsOf(plan)); ; shard++ {
		there, found := clickhouse.PathInShard(plan, me, t, mine, shard)
		if !found {
			return nil
		}
		replicas, err := d.children(ctx, path.Join(there, "replicas"))
		if err != nil || len(replicas) == 0 {
			return nil //nolint:nilerr // that nothing is there is an error to an old server, and the next look comes soon
		}
		gone := clickhouse.Left(plan, replicas)
		for _, replica := range gone {
			if err := d.dropReplica(ctx, plan, there, replica); err != nil {
				return err
			}
		}
		if err := d.dropEmptyTable(ctx, plan, there, len(gone) == len(replicas)); err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Forgot a table of a shard that left", "database", t.Database, "table", t.Name,
			"shard", shard, "replicas", gone)
	}
}

// dropEmptyTable removes what is left of a table that has no replica any more. A current server has done so with the
// last of them.
func (d *Driver) dropEmptyTable(ctx context.Context, plan engine.Plan, table string, empty bool) error {
	if dialect, _ := clickhouse.DialectOf(plan.Build); dialect.DropReplica || !empty {
		return nil
	}
	if err := d.removeTree(ctx, plan, table); err != nil {
		return fmt.Errorf("forgetting table %s: %w", table, err)
	}
	return nil
}

// sweepDatabases makes the keepers forget that members that left had a database that brings its tables to all: every
// change of its schema would wait for them.
func (d *Driver) sweepDatabases(ctx context.Context, plan engine.Plan, me engine.PlanMember) error {
	if me.Shard != 0 || !clickhouse.SharesDatabases(plan) {
		return nil
	}
	for _, database := range plan.Databases {
		there := clickhouse.DatabasePath(plan, database.Name)
		members, err := d.children(ctx, path.Join(there, "replicas"))
		if err != nil {
			return fmt.Errorf("reading the members that have database %s: %w", database.Name, err)
		}
		for _, gone := range clickhouse.LeftDatabase(plan, members) {
			if err := d.client.Exec(ctx, clickhouse.DropDatabaseReplica(there, gone)); err != nil {
				return fmt.Errorf("forgetting that %s had database %s: %w", gone.Name, database.Name, err)
			}
			klog.FromContext(ctx).Info("Forgot that a member had a database", "database", database.Name,
				"member", gone.Name, "shard", gone.Shard)
		}
	}
	return nil
}
