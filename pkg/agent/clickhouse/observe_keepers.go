// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// lostFor is how long the keepers may not answer before it is a problem: a session moves to another of them when its
// own dies.
const lostFor = 5 * time.Second

// observeKeepers notes whether the keepers answer the server.
func (d *Driver) observeKeepers(ctx context.Context, plan engine.Plan) {
	if len(plan.Ensemble()) == 0 {
		d.run.lost = time.Time{}
		return
	}
	if time.Since(d.run.hung) < hungFor {
		return
	}
	_, err := number(ctx, d.client, "SELECT count() FROM system.zookeeper WHERE path = '/'")
	if ctx.Err() != nil {
		d.run.hung = time.Now()
	}
	switch {
	case err == nil:
		d.run.lost = time.Time{}
		if err := d.volume.join(); err != nil {
			klog.FromContext(ctx).Error(err, "That the keepers have a quorum could not be noted")
		}
	case d.run.lost.IsZero():
		d.run.lost = time.Now()
	}
}

// hungFor is how long a server is not asked again whether the keepers answer it, when it did not say in time. Each such
// question waits in it behind the others, and those of a dead session wait for long. It is less than lostFor, since a
// server that is only busy has lost nothing.
const hungFor = 4 * time.Second

const (
	// strandedFor is how long a server may take to find keepers that are there: it looks once in ten seconds.
	strandedFor = 25 * time.Second
	// strandedTurn is what each member of a shard waits for longer than the one before it, so that no two of them restart
	// at once.
	strandedTurn = 20 * time.Second
)

// isStranded says whether the server has not found the keepers for long although they have a quorum.
func (d *Driver) isStranded(ctx context.Context, plan engine.Plan) bool {
	if d.run.lost.IsZero() || time.Since(d.run.lost) < lostFor || !d.serving(ctx, plan) {
		d.run.stranded = time.Time{}
		return false
	}
	if d.run.stranded.IsZero() {
		d.run.stranded = time.Now()
	}
	me, _ := plan.Member(d.options.Member)
	turn := slices.IndexFunc(plan.InShard(me.Shard), func(m engine.PlanMember) bool { return m.Name == me.Name })
	return time.Since(d.run.stranded) > strandedFor+time.Duration(turn)*strandedTurn
}

// waiting is the problem of a server whose keepers do not answer. Keepers that never did are still to be born.
func (d *Driver) waiting(plan engine.Plan) *engine.Problem {
	if d.run.lost.IsZero() || time.Since(d.run.lost) < lostFor || len(plan.Ensemble()) == 0 || !d.volume.joined() {
		return nil
	}
	return &engine.Problem{
		Reason:  v1alpha1.ReasonWaitingForQuorum,
		Message: "Keeper has no quorum: reads go on, writes are refused",
	}
}
