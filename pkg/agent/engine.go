// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Engine is all that an agent must be given of a database engine. The loop, the election, the fence and the reports are
// the same for every engine.
type Engine struct {
	// Rules decide what the member does next, Driver does it.
	Rules  []runbook.Rule
	Driver Driver
	// Metrics are those of the server.
	Metrics prometheus.Collector
	// Durability is what an acknowledgement is worth while the server enforces the commit quorum that the Lease records.
	Durability v1alpha1.EffectiveDurability
	// Leadership is how it is found out who accepts writes. But for engine.LeadershipLease there is no Lease and nothing
	// to fence, and the rules look at what the server is and not at a standing.
	Leadership engine.Leadership
	// Changes has a word whenever the server says by itself that it has become something else, so that a pass looks at it
	// at once; nil for an engine whose server has to be asked. Words that nobody has read yet are one.
	Changes <-chan struct{}
	// Forgets says that a server that died has forgotten writes that it had acknowledged, and that replicas may have. It
	// gives the Lease up, and who takes it waits for every vote that can be had.
	Forgets bool
}

// Driver speaks to the server of a member. One goroutine calls it; only a step that is Long runs beside Observe and
// Exited, while no server runs.
type Driver interface {
	// Observe looks at the volume and at the server, and fills in what it saw. A server that does not answer yet is
	// Running and not Accepting, which is no error.
	Observe(ctx context.Context, o *runbook.Observation) error
	// Do carries out a step: all but Wait, Exit and Tend.
	Do(ctx context.Context, t runbook.Task) error
	// Tend keeps a running server as the plan says.
	Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (runbook.Tended, error)
	// Exited is closed when the running server has died; nil when none runs.
	Exited() <-chan struct{}
}
