// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/go-zookeeper/zk"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// buryFormerLife tells the keepers that the last server of this volume is dead, so that the next one need not wait for
// its session to end: an old server finds its replicas taken until then, and whoever waits for a quorum waits for the
// dead. A current one knows its own traces and removes them itself.
//
// Who has the volume's lock knows what the keepers cannot: no server is left that could still act for these replicas.
// It is worth a second, and no failure keeps the server from starting.
func (d *Driver) buryFormerLife(ctx context.Context, plan engine.Plan) {
	dialect, _ := clickhouse.DialectOf(plan.Build)
	if dialect.Keeper != clickhouse.ZooKeeper || len(plan.Ensemble()) == 0 || d.volume.Lock == nil {
		return
	}
	log := klog.FromContext(ctx)
	traces, err := d.traces(plan)
	if err != nil {
		log.Error(err, "What the former server had could not be read")
	}
	if len(traces) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err = withKeepers(ctx, plan, func(client *zk.Conn) error {
		for _, node := range traces {
			if err := client.Delete(node, -1); err == nil {
				log.Info("Told the keepers that the former server is dead", "node", node)
			} else if !errors.Is(err, zk.ErrNoNode) {
				return fmt.Errorf("removing %s: %w", node, err)
			}
		}
		return nil
	})
	if err != nil {
		log.Error(err, "The keepers could not be told that the former server is dead")
	}
}

// traces are the nodes by which a server on this volume says that it is there, one for each replicated table. They are
// read from the statements on the disk: whoever asks has just begun, as often as not, and has no server to ask.
func (d *Driver) traces(plan engine.Plan) (nodes []string, err error) {
	me, _ := plan.Member(d.options.Member)
	files, err := filepath.Glob(filepath.Join(d.volume.data(), "metadata", "*", "*.sql"))
	if err != nil {
		return nil, fmt.Errorf("looking for tables: %w", err)
	}
	for _, file := range files {
		statement, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a table's statement: %w", err)
		}
		owner, table := clickhouse.PathOwner{Name: me.Name, Shard: me.Shard}, clickhouse.Table{Create: string(statement)}
		if at, found := clickhouse.ReplicaPath(plan, owner, table); found {
			nodes = append(nodes, path.Join(at, "replicas", me.Name, "is_active"))
		}
	}
	return nodes, nil
}
