// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Observe looks at the volume and at the server. A server that does not answer is Running and not Accepting.
func (d *Driver) Observe(ctx context.Context, o *runbook.Observation) error {
	last, err := d.observe(d.options.Member, o)
	if err != nil {
		return err
	}
	if last.Ended {
		d.bury(ctx, o.Plan, last)
	}
	if m, _, err := d.volume.mark(); err == nil && o.Volume.Locked {
		d.school.schooled = m.Schooled
	}
	o.Refused, o.Pending, o.SchemaBehind = d.config.complaint, d.config.pending, d.school.behind
	if d.server != nil {
		d.observeServer(ctx, o)
		o.Server.Stranded = o.Server.Accepting && d.isStranded(ctx, o.Plan)
	}
	if o.Problem == nil {
		o.Problem = d.waiting(o.Plan)
	}
	if o.Problem == nil {
		o.Problem = d.untaught()
	}
	return nil
}

// bury takes note of a server that has ended. One that never took a connection may have been refused its settings; but
// an old one does not start while there is no quorum of keepers either, which says nothing against them.
func (d *Driver) bury(ctx context.Context, plan engine.Plan, last end) {
	d.config.pending, d.run = nil, run{}
	if last.Told || last.Accepted {
		return
	}
	if d.serving(ctx, plan) {
		d.config.distrust()
	} else {
		d.config.stillborn, d.run.lost = 0, time.Now().Add(-lostFor)
	}
}

// observeServer looks at the server that runs.
func (d *Driver) observeServer(ctx context.Context, o *runbook.Observation) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if !d.asked.IsZero() {
		if err := d.stop(); err != nil { // it goes down, whatever it says
			klog.FromContext(ctx).Error(err, "The server could not be told again to stop")
		}
		return
	}
	if err := d.reach(); err != nil {
		klog.FromContext(ctx).Error(err, "The server cannot be asked")
		return
	}
	if err := d.client.QueryRow(ctx, "SELECT version()").Scan(&o.Server.Version); err != nil {
		if ctx.Err() != nil && time.Since(d.run.answered) < busyFor {
			o.Server = d.run.last // it is busy, and what it was
		}
		return // a server that starts refuses connections; that it does is what is observed
	}
	defer func() { d.run.answered, d.run.last = time.Now(), o.Server }()
	o.Server.Accepting, o.Server.Quiet = true, d.quiet(ctx)
	if err := d.trust(); err != nil {
		klog.FromContext(ctx).Error(err, "The settings that the server took could not be noted")
	}
	me, _ := o.Plan.Member(d.options.Member)
	o.Server.Enforced = o.Plan.QuorumOf(me.Shard)
	d.observeKeepers(ctx, o.Plan)
	o.Server.Streaming = d.level(ctx, o.Plan, me) && d.school.schooled
	if o.Plan.Leaving(me.Shard) {
		d.observeLeaving(ctx, o, me)
	}
}

// busyFor is how long a server may be too busy to answer before it counts as one that takes no connections. Every
// change of that is a write of each report.
const busyFor = 5 * time.Second

// reach makes the client of the own server.
func (d *Driver) reach() (err error) {
	if d.client == nil {
		d.client, err = connect(d.Access().login)
	}
	return err
}

// writableWithin is how long a server that came up may take to have all its tables writable before it serves all the
// same. The keepers may hold its former life for alive until that one's session ends; but a table that stays read-only
// for a reason of its own must not keep the others from being used.
const writableWithin = time.Minute

// level says whether no table lags behind that of a sibling. Without keepers nobody can tell, and it stays as it was: a
// server that just came up has what it had. One that never saw keepers has no replicated table.
func (d *Driver) level(ctx context.Context, plan engine.Plan, me engine.PlanMember) bool {
	if !d.run.lost.IsZero() {
		return d.run.level || (time.Since(d.run.lost) > lostFor && d.volume.joined())
	}
	mine, err := replicas(ctx, d.client)
	if err != nil {
		klog.FromContext(ctx).V(1).Info("The replicated tables could not be looked at", "err", err)
		return d.run.level
	}
	// A new member is not level before it once had everything, however young that is.
	d.school.fresh = d.school.fresh && !clickhouse.Complete(mine)
	d.run.level = !d.school.fresh && !(clickhouse.ReadOnly(mine) && time.Since(d.run.began) < writableWithin)
	if d.run.level && clickhouse.Suspects(mine) {
		d.run.level = !clickhouse.Lagging(mine, d.replicasOfSiblings(ctx, plan.InShard(me.Shard)))
	}
	return d.run.level
}

// replicasOfSiblings are those of every sibling that answers.
func (d *Driver) replicasOfSiblings(ctx context.Context, members []engine.PlanMember) (all []clickhouse.Replica) {
	for _, m := range members {
		if m.Name == d.options.Member {
			continue
		}
		client, err := d.sibling(m)
		if err != nil {
			continue
		}
		theirs, err := replicas(ctx, client)
		if err != nil {
			klog.FromContext(ctx).V(1).Info("A sibling did not tell how far it is", "member", m.Name, "err", err)
			continue
		}
		all = append(all, theirs...)
	}
	return all
}

func replicas(ctx context.Context, client driver.Conn) (all []clickhouse.Replica, err error) {
	const query = `SELECT database, table, zookeeper_path, toUInt8(is_readonly), toUInt64(inserts_in_queue),
		toUInt64(absolute_delay)
		FROM system.replicas ORDER BY database, table`
	err = each(ctx, client, query, func(rows driver.Rows) error {
		var r clickhouse.Replica
		var readOnly uint8
		if err := rows.Scan(&r.Database, &r.Table, &r.Path, &readOnly, &r.Inserts, &r.Delay); err != nil {
			return err
		}
		r.ReadOnly = readOnly != 0
		all = append(all, r)
		return nil
	})
	return all, err
}
