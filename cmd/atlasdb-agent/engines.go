// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/atlasdb/atlasdb/pkg/agent"
	"github.com/atlasdb/atlasdb/pkg/agent/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/agent/fence"
	"github.com/atlasdb/atlasdb/pkg/agent/mongodb"
	"github.com/atlasdb/atlasdb/pkg/agent/peer"
	"github.com/atlasdb/atlasdb/pkg/agent/postgresql"
	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/agent/redis"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	chrules "github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	mongorules "github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	pgrules "github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	redisrules "github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// ground is what the agent's process gives to any engine.
type ground struct {
	// member is its name, address the IP address of its pod.
	member, address string
	// component is the ensemble that the member belongs to, whose server is another program; "" for the engine's own.
	component string
	sharded   bool
	reaper    *process.Reaper
	hands     *fence.Fence
	peers     *peer.Client
}

// reached asks another member's agent how far its data goes.
func (g ground) reached(ctx context.Context, member string) (engine.Point, error) {
	s, err := g.peers.State(ctx, member)
	return s.Point, err
}

// offer is how the agent comes to an engine.
type offer struct {
	// peerLogin is the name in the certificate that members show to each other.
	peerLogin string
	// build makes the engine on its ground.
	build func(ctx context.Context, g ground) agent.Engine
}

// engines are all that this agent can be PID 1 of. It is the one place of the agent that knows them by name.
var engines = map[v1alpha1.EngineType]offer{
	v1alpha1.EnginePostgreSQL: {peerLogin: pgrules.ReplicationUser, build: buildPostgreSQL},
	v1alpha1.EngineRedis:      {peerLogin: redisrules.ReplicationUser, build: buildRedis},
	v1alpha1.EngineClickHouse: {peerLogin: chrules.InterserverUser, build: buildClickHouse},
	v1alpha1.EngineMongoDB:    {peerLogin: mongorules.Engine{}.Traits().ReplicationLogin, build: buildMongoDB},
}

func buildPostgreSQL(ctx context.Context, g ground) agent.Engine {
	return agent.Engine{
		Rules:      pgrules.Runbook,
		Metrics:    postgresql.NewMetrics(ctx, pgrules.SocketDirectory),
		Durability: v1alpha1.EffectiveMajority,
		Driver: postgresql.New(postgresql.Options{
			Member: g.member, Root: resource.DataMountPath, SocketDirectory: pgrules.SocketDirectory, Reaper: g.reaper,
			Permit: g.hands.Permit,
		}),
	}
}

// buildRedis: a server that was killed has lost up to a second of what it acknowledged, and what a quorum of replicas
// has is bounded by time and not by writes.
func buildRedis(ctx context.Context, g ground) agent.Engine {
	options := redis.Options{
		Member: g.member, Root: resource.DataMountPath, SocketDirectory: redisrules.SocketDirectory,
		CertificateDirectory: resource.TLSMountPath, Reaper: g.reaper, Permit: g.hands.Permit, Reached: g.reached,
	}
	if g.sharded {
		return buildRedisCluster(ctx, options)
	}
	driver := redis.New(options)
	return agent.Engine{
		Rules:      redisrules.Runbook,
		Driver:     driver,
		Metrics:    redis.NewMetrics(ctx, driver.Access()),
		Durability: v1alpha1.EffectiveBoundedLoss,
		Forgets:    true,
	}
}

// buildRedisCluster: the servers elect by themselves, and a primary that died leaves its place to a replica.
func buildRedisCluster(ctx context.Context, options redis.Options) agent.Engine {
	driver := redis.NewCluster(options)
	return agent.Engine{
		Rules:      redisrules.ClusterRunbook,
		Driver:     driver,
		Metrics:    redis.NewMetrics(ctx, driver.Access()),
		Durability: v1alpha1.EffectiveBoundedLoss,
		Leadership: engine.LeadershipElected,
	}
}

// buildClickHouse: every server takes writes, and those of the ensemble, which keep the consensus, elect a leader among
// themselves.
func buildClickHouse(ctx context.Context, g ground) agent.Engine {
	options := clickhouse.Options{
		Member: g.member, Address: g.address, Root: resource.DataMountPath, ConfigDirectory: chrules.ConfigDirectory,
		CertificateDirectory: resource.TLSMountPath, Reaper: g.reaper,
	}
	if g.component == chrules.KeeperComponent {
		driver := clickhouse.NewKeeper(options)
		return agent.Engine{
			Rules: chrules.KeeperRunbook, Driver: driver, Metrics: clickhouse.NewKeeperMetrics(ctx, driver),
			Leadership: engine.LeadershipElected,
		}
	}
	driver := clickhouse.New(options)
	return agent.Engine{
		Rules: chrules.Runbook, Driver: driver, Metrics: clickhouse.NewMetrics(ctx, driver.Access()),
		Durability: v1alpha1.EffectiveMajority, Leadership: engine.LeadershipNone,
	}
}

// buildMongoDB: the servers elect by themselves, and tell the agent when they have.
func buildMongoDB(ctx context.Context, g ground) agent.Engine {
	driver := mongodb.New(mongodb.Options{
		Member: g.member, Root: resource.DataMountPath, RunDirectory: mongorules.RunDirectory,
		CertificateDirectory: resource.TLSMountPath, Reaper: g.reaper,
	})
	return agent.Engine{
		Rules:      mongorules.Runbook,
		Driver:     driver,
		Changes:    driver.Changes(),
		Metrics:    mongodb.NewMetrics(ctx, driver.Access()),
		Durability: v1alpha1.EffectiveMajority,
		Leadership: engine.LeadershipElected,
	}
}
