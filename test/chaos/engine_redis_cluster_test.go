// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// redisCluster keeps a trial's rows as redis does, all under keys of the first shard.
var redisCluster = &engine{
	kind: v1alpha1.EngineRedis, topology: "-cluster", shards: 3, version: "7", connect: connectRedisCluster,
	server: isRedisServer, receiver: isRedisServer,
	// An isolated primary refuses writes when it misses its replicas' confirmations (min-replicas-max-lag), and when it
	// has seen no majority of primaries for the node timeout.
	lossWindow: isolationGoal,
	// What breaks the Lease or the fence has no meaning: there is neither.
	faults: []string{"engine-killed", "agent-killed", "pod-deleted", "switchover", "node-stopped", "cable-cut"},
}

// firstShard is the part in braces of every key, whose slot is one of the first shard's; what is outside of the braces
// does not count.
const firstShard = "{rows}"

// redisClusterConn is a connection to the primary of the first shard, or to the very server that a route names.
type redisClusterConn struct{ *redisConn }

// connectRedisCluster asks whomever the Service leads to for the first shard's primary, as a client library does, and
// connects to that one.
func connectRedisCluster(ctx context.Context, r route) (conn, string, error) {
	if !r.direct {
		address, err := firstShardsPrimary(ctx, r)
		if err != nil {
			return nil, "", err
		}
		r = r.directly(address)
	}
	c, life, err := dialRedis(ctx, r)
	if err != nil {
		return nil, "", err
	}
	defer c.until(ctx)()
	if err := c.ReadOnly(ctx).Err(); err != nil { // a replica may be read from by who says that he knows
		c.close()
		return nil, "", err
	}
	return redisClusterConn{c}, life, nil
}

func firstShardsPrimary(ctx context.Context, r route) (string, error) {
	c, _, err := dialRedis(ctx, r)
	if err != nil {
		return "", err
	}
	defer c.close()
	defer c.until(ctx)()
	shards, err := c.ClusterShards(ctx).Result()
	if err != nil {
		return "", err
	}
	slot, err := c.ClusterKeySlot(ctx, firstShard).Result()
	if err != nil {
		return "", err
	}
	for _, shard := range shards {
		if !slices.ContainsFunc(shard.Slots, func(r goredis.SlotRange) bool { return r.Start <= slot && slot <= r.End }) {
			continue
		}
		for _, n := range shard.Nodes {
			if n.Role == "master" {
				return n.IP, nil
			}
		}
	}
	return "", errors.New("nobody owns the slot")
}

func (c redisClusterConn) write(ctx context.Context, table string, session int, seq int64) (outcome, error) {
	verdict, err := c.redisConn.write(ctx, firstShard+table, session, seq)
	_, moved := goredis.IsMovedError(err)
	c.failed = c.failed || moved
	return verdict, err
}

func (c redisClusterConn) prepare(ctx context.Context, table string) error {
	return c.redisConn.prepare(ctx, firstShard+table)
}

func (c redisClusterConn) rows(ctx context.Context, table string) ([]row, error) {
	rows, err := c.redisConn.rows(ctx, firstShard+table)
	if err != nil {
		return nil, fmt.Errorf("of the first shard: %w", err)
	}
	return rows, nil
}
