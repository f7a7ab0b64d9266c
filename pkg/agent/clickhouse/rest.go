// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// observeLeaving finds out whether a shard that the plan wants to go may go.
func (d *Driver) observeLeaving(ctx context.Context, o *runbook.Observation, me engine.PlanMember) {
	if o.Plan.AbandonShards {
		o.Drained = true
		return
	}
	rows, err := number(ctx, d.client, "SELECT toUInt64(sum(rows)) FROM system.parts WHERE active AND database IN ("+
		databases(o.Plan)+")")
	switch {
	case err != nil:
		klog.FromContext(ctx).Error(err, "The rows of a shard that is to go could not be counted")
	case rows == 0:
		o.Drained = true
	default:
		o.Problem = &engine.Problem{Reason: v1alpha1.ReasonShardNotEmpty, Message: fmt.Sprintf(
			"shard %d is to go and has %d rows: move or delete them, or set spec.clickhouse.shardRemoval to AcceptDataLoss",
			me.Shard, rows)}
	}
}

const (
	// settledFor is how long the Services may still lead to a member that left them, hurriedFor when its pod ends, which
	// the rules of every node follow at the same time.
	settledFor, hurriedFor = 4 * time.Second, time.Second
	// quietWithin is how long the queries of applications are waited for.
	quietWithin = 30 * time.Second
)

// quiet says whether the server that is to rest does.
func (d *Driver) quiet(ctx context.Context) bool {
	r := d.run
	if r.quiesced.IsZero() {
		return false
	}
	settled := settledFor
	if r.hurried {
		settled = hurriedFor
	}
	since := time.Since(r.quiesced)
	if since < settled || since > quietWithin {
		return since > quietWithin
	}
	running, err := number(ctx, d.client, "SELECT toUInt64(count()) FROM system.processes WHERE initial_user != "+
		clickhouse.Text(clickhouse.AgentUser))
	return err == nil && running == 0
}
