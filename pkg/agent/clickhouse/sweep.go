// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/go-zookeeper/zk"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// sweepEvery is how often replicas are looked for whose members have left.
const sweepEvery = 30 * time.Second

// sweep makes the keepers forget the replicas of members that left. The log of a table is kept for as long as one of
// its replicas may come back, and a quorum is counted of all of them. The first member of a shard does it for
// the shard.
func (d *Driver) sweep(ctx context.Context, plan engine.Plan, me engine.PlanMember) error {
	if plan.InShard(me.Shard)[0].Name != me.Name || len(plan.Ensemble()) == 0 || time.Since(d.swept) < sweepEvery {
		return nil
	}
	mine, err := replicas(ctx, d.client)
	if err != nil {
		return fmt.Errorf("reading the replicated tables: %w", err)
	}
	for _, table := range mine {
		if table.ReadOnly {
			continue
		}
		if err := d.sweepTable(ctx, plan, table); err != nil {
			return err
		}
	}
	if err := d.sweepShards(ctx, plan, me, mine); err != nil {
		return err
	}
	if err := d.sweepDatabases(ctx, plan, me); err != nil {
		return err
	}
	d.swept = time.Now()
	return nil
}

func (d *Driver) sweepTable(ctx context.Context, plan engine.Plan, table clickhouse.Replica) error {
	there, err := d.children(ctx, path.Join(table.Path, "replicas"))
	if err != nil {
		return fmt.Errorf("reading the replicas of %s.%s: %w", table.Database, table.Table, err)
	}
	for _, replica := range clickhouse.Left(plan, there) {
		if err := d.dropReplica(ctx, plan, table.Path, replica); err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Forgot a replica that left", "database", table.Database, "table", table.Table,
			"replica", replica)
	}
	return nil
}

// children are the names below a node of the keepers' tree.
func (d *Driver) children(ctx context.Context, node string) (names []string, err error) {
	query := "SELECT name FROM system.zookeeper WHERE path = " + clickhouse.Text(node)
	err = each(ctx, d.client, query, func(rows driver.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	return names, err
}

// dropReplica makes the keepers forget a replica, unless its server is there.
func (d *Driver) dropReplica(ctx context.Context, plan engine.Plan, table, replica string) error {
	node := path.Join(table, "replicas", replica)
	below, err := d.children(ctx, node)
	if err != nil {
		return fmt.Errorf("reading replica %s: %w", node, err)
	}
	if slices.Contains(below, "is_active") {
		return fmt.Errorf("replica %s is there, and cannot be forgotten", node)
	}
	if dialect, _ := clickhouse.DialectOf(plan.Build); dialect.DropReplica {
		if err := d.client.Exec(ctx, clickhouse.DropReplica(table, replica)); err != nil {
			return fmt.Errorf("forgetting replica %s: %w", node, err)
		}
		return nil
	}
	if err := d.removeTree(ctx, plan, node); err != nil {
		return fmt.Errorf("forgetting replica %s: %w", node, err)
	}
	return nil
}

// keeperSession is how long the keepers remember a client that vanished.
const keeperSession = 10 * time.Second

// removeTree removes a node and all below it, as a client of the keepers: the server knows no statement for it.
func (d *Driver) removeTree(ctx context.Context, plan engine.Plan, node string) error {
	return withKeepers(ctx, plan, func(client *zk.Conn) error { return remove(client, node) })
}

// withKeepers does something as a client of ZooKeepers.
func withKeepers(ctx context.Context, plan engine.Plan, do func(*zk.Conn) error) error {
	var servers []string
	for _, k := range plan.Ensemble() {
		servers = append(servers, fmt.Sprintf("%s:%d", k.Host, clickhouse.ZooKeeperPort))
	}
	client, _, err := zk.Connect(servers, keeperSession, zk.WithLogger(silence{}))
	if err != nil {
		return fmt.Errorf("reaching the keepers: %w", err)
	}
	// The client of the library knows no context: without its connection every request of it fails.
	stop := context.AfterFunc(ctx, client.Close)
	defer func() {
		if stop() {
			client.Close()
		}
	}()
	return do(client)
}

// remove removes what is below first. What somebody else removed meanwhile is as good as removed.
func remove(client *zk.Conn, node string) error {
	below, _, err := client.Children(node)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range below {
		if err := remove(client, path.Join(node, name)); err != nil {
			return err
		}
	}
	if err := client.Delete(node, -1); err != nil && !errors.Is(err, zk.ErrNoNode) {
		return err
	}
	return nil
}

// silence is the log of the client library: it would tell of every attempt to connect.
type silence struct{}

func (silence) Printf(string, ...any) {}
