// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/events"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/controller/databasecluster"
	"github.com/atlasdb/atlasdb/pkg/controller/databaseoperation"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/metrics"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// controller is what the process asks of a controller.
type controller interface {
	// Name is the controller's name in probes and logs.
	Name() string
	// Run works until ctx ends and returns when every goroutine of the controller has.
	Run(ctx context.Context, workers int)
	// Check returns an error that only a restart of the process mends.
	Check() error
}

// parts are what all controllers share.
type parts struct {
	opts     *Options
	clients  clients
	metrics  *metrics.Metrics
	recorder events.EventRecorder
}

// newControllers makes every controller of AtlasDB, for the objects of one scope. A new controller is a new line here;
// nothing registers itself.
func newControllers(s *scope, p parts) ([]controller, error) {
	clusters, err := databasecluster.New(databasecluster.Options{
		Client:          p.clients.atlas,
		KubeClient:      p.clients.kube,
		Informers:       s.atlas,
		KubeInformers:   s.kube,
		Engines:         engines(),
		Agent:           resource.Agent{Image: p.opts.AgentImage, LogFormat: p.opts.LogFormat},
		Recorder:        p.recorder,
		DrainTimeout:    p.opts.DrainTimeout,
		MetricsProvider: p.metrics.Queues(s.namespace),
		Observer:        p.metrics,
		Failovers:       p.metrics,
	})
	if err != nil {
		return nil, fmt.Errorf("making controller %s: %w", databasecluster.Name, err)
	}
	operations, err := databaseoperation.New(databaseoperation.Options{
		Client:          p.clients.atlas,
		Informers:       s.atlas,
		KubeInformers:   s.kube,
		Engines:         engines(),
		Recorder:        p.recorder,
		DrainTimeout:    p.opts.DrainTimeout,
		MetricsProvider: p.metrics.Queues(s.namespace),
		Observer:        p.metrics,
	})
	if err != nil {
		return nil, fmt.Errorf("making controller %s: %w", databaseoperation.Name, err)
	}
	return []controller{clusters, operations}, nil
}

// engines are the databases that this operator can run.
func engines() map[v1alpha1.EngineType]engine.Engine {
	return map[v1alpha1.EngineType]engine.Engine{
		v1alpha1.EnginePostgreSQL: postgresql.Engine{},
		v1alpha1.EngineRedis:      redis.Engine{},
		v1alpha1.EngineMongoDB:    mongodb.Engine{},
		v1alpha1.EngineClickHouse: clickhouse.Engine{},
	}
}
