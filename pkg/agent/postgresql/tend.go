// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// chores are what a running server needs now and then.
type chores struct {
	// primary says that the server accepts writes. checkpointed, that its first checkpoint as primary is over.
	primary, checkpointed bool
	// barrier is the end of a barrier that is being flushed, by quorum; nil while none is. flushed is the last one.
	barrier  chan error
	quorum   engine.Quorum
	flushed  engine.Quorum
	certs    [sha256.Size]byte
	slots    time.Time
	control  time.Time
	promoted chan error
}

// Tend keeps the running server as the plan says.
func (d *Driver) Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (t runbook.Tended, err error) {
	ctx, cancel := context.WithTimeout(ctx, tendTimeout)
	defer cancel()
	d.closed = o.Closed
	if err := d.configure(ctx, plan, d.following, d.quorum); err != nil {
		return t, err
	}
	d.config.unread = d.newCertificates() || d.config.unread
	if err := d.reload(); err != nil {
		return t, err
	}
	if o.Server.InRecovery {
		err = d.tendReplica(ctx, plan, o)
	} else {
		err = d.tendPrimary(ctx, plan)
	}
	if err != nil {
		return t, err
	}
	if t.Pending, err = d.db.pendingRestart(ctx); err != nil {
		return t, err
	}
	if !o.Server.InRecovery && len(t.Pending) > 0 {
		t.RestartInPlace, err = d.db.lowers(ctx)
	}
	d.pending = t.Pending
	return t, err
}

// newCertificates says whether the mounted certificates have changed since the server read them.
func (d *Driver) newCertificates() bool {
	h := sha256.New()
	for _, name := range []string{resource.CACertKey, resource.ServerCertKey, resource.ServerKeyKey} {
		content, err := os.ReadFile(filepath.Join(resource.TLSMountPath, name))
		if err != nil {
			return false // half a rotation: the next look sees all of it
		}
		_, _ = h.Write(content) // a hash never fails
	}
	seen, before := [sha256.Size]byte(h.Sum(nil)), d.chores.certs
	d.chores.certs = seen
	return before != seen && before != [sha256.Size]byte{}
}

func (d *Driver) tendPrimary(ctx context.Context, plan engine.Plan) error {
	if err := d.db.provision(ctx, plan); err != nil {
		return fmt.Errorf("making logins and databases: %w", err)
	}
	if err := d.db.keepSlots(ctx, d.slots(plan)); err != nil {
		return fmt.Errorf("keeping replication slots: %w", err)
	}
	pool, err := d.db.connect(ctx)
	if err != nil {
		return err
	}
	if d.chores.promoted == nil && !d.chores.checkpointed {
		// pg_rewind compares control files: before this checkpoint the old primary looks like the new one [seen].
		d.chores.promoted = beside(ctx, pool, func(ctx context.Context, pool *pgxpool.Pool) error {
			_, err := pool.Exec(ctx, "CHECKPOINT")
			return err
		})
	}
	d.flushBarrier(ctx, pool)
	return nil
}

// beside runs what may take long without holding up the loop.
func beside(ctx context.Context, pool *pgxpool.Pool, do func(context.Context, *pgxpool.Pool) error) chan error {
	done := make(chan error, 1)
	ctx = context.WithoutCancel(ctx) // it ends with the server, whose connection it uses
	go func() { done <- do(ctx, pool) }()
	return done
}

// flushBarrier writes something that the quorum in force must flush before it counts, once per quorum. Everything
// before it in the log is flushed by the same members then. A walsender that releases it has read the settings of that
// quorum, since every connection of the pool is younger than the signal to read them (see reload).
func (d *Driver) flushBarrier(ctx context.Context, pool *pgxpool.Pool) {
	c := &d.chores
	if c.barrier == nil && !c.flushed.Equal(d.quorum) {
		c.quorum = d.quorum
		c.barrier = beside(ctx, pool, barrier)
	}
}

// finish takes over what ran beside.
func (d *Driver) finish(ctx context.Context) {
	c := &d.chores
	select {
	case err := <-c.barrier:
		c.barrier = nil
		if err == nil {
			c.flushed = c.quorum
		} else {
			klog.FromContext(ctx).V(2).Info("Barrier failed and is tried again", "err", err)
		}
	case err := <-c.promoted:
		c.promoted = nil
		c.checkpointed = err == nil
	default:
	}
}

// slots are the replication slots that this member keeps: one for each other member of the plan. A slot that nobody
// reads keeps the log until the disk is full, so those of members that are gone are dropped.
func (d *Driver) slots(plan engine.Plan) []string {
	wanted := make([]string, 0, len(plan.Members))
	for _, m := range plan.Members {
		if m.Name != d.member {
			wanted = append(wanted, postgresql.Slot(plan.Cluster, m.Name))
		}
	}
	return wanted
}

// slotsEvery is how often a replica moves its slots: often enough to keep little of the log, seldom enough to cost
// nothing.
const slotsEvery = 10 * time.Second

// tendReplica keeps the slots of the other members where the primary has them, so that they find what they need here
// when this member is promoted.
func (d *Driver) tendReplica(ctx context.Context, plan engine.Plan, o runbook.Observation) error {
	if time.Since(d.chores.slots) < slotsEvery {
		return nil
	}
	d.chores.slots = time.Now()
	if err := d.db.keepSlots(ctx, d.slots(plan)); err != nil {
		return fmt.Errorf("keeping replication slots: %w", err)
	}
	needed := map[string]uint64{postgresql.Slot(plan.Cluster, o.Standing.Primary): o.Volume.Point.Position}
	for _, slot := range d.slots(plan) {
		if position, known := postgresql.DecodePeerState(o.Primary.Engine).Slots[slot]; known {
			needed[slot] = position
		}
	}
	if err := d.db.advanceSlots(ctx, needed); err != nil {
		return fmt.Errorf("moving replication slots: %w", err)
	}
	return d.raiseToPrimary(ctx, plan)
}
