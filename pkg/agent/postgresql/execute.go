// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Do carries out a step.
func (d *Driver) Do(ctx context.Context, t runbook.Task) error {
	d.closed = t.Observation.Closed
	switch t.Kind {
	case runbook.StepStopServer:
		return d.Stop(ctx)
	case runbook.StepInitialise:
		return d.Initialise(ctx, t.Plan, t.Standing.Epoch)
	case runbook.StepClone:
		return d.Clone(ctx, t.Plan, t.Source)
	case runbook.StepRewind:
		return d.Rewind(ctx, t.Source)
	case runbook.StepStartPrimary:
		return d.StartPrimary(ctx, t.Plan, t.Standing)
	case runbook.StepStartReplica:
		return d.StartReplica(ctx, t.Plan, t.Source)
	case runbook.StepFollow:
		return d.Follow(ctx, t.Plan, t.Source)
	case runbook.StepEnforce:
		return d.Enforce(ctx, t.Plan, t.Standing.Quorum)
	case runbook.StepPromote:
		return d.Promote(ctx, t.Plan, t.Standing, t.Observation)
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepQuiesce, runbook.StepDemote,
		runbook.StepHandOver:
	}
	return fmt.Errorf("step %s is not the driver's", t.Kind)
}

// conninfo is how this member logs in to the source.
func (d *Driver) conninfo(from runbook.Source) string {
	info := postgresql.Conninfo(from.Host, postgresql.CopyName(d.member))
	if from.Address != "" {
		info += " hostaddr=" + from.Address
	}
	return info
}

// Initialise makes new data, and gives it its final name only when it is complete.
func (d *Driver) Initialise(ctx context.Context, plan engine.Plan, epoch int64) error {
	if err := d.volume.clear(); err != nil {
		return fmt.Errorf("removing a half-made data directory: %w", err)
	}
	locale := plan.Locale
	if locale == "" {
		locale = "C.UTF-8"
	}
	err := d.run(ctx, "initdb",
		"--pgdata="+d.volume.making(), "--username="+postgresql.SuperUser, "--encoding=UTF8", "--locale="+locale,
		"--data-checksums", "--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions")
	if err != nil {
		return err
	}
	born := engine.Lineage{{Epoch: epoch, Timeline: 1}}
	if err := d.volume.remember(d.volume.making(), remembered{Lineage: born}); err != nil {
		return err
	}
	return d.volume.complete()
}

// Clone copies the data of another member, through the replication slot that it keeps for this one.
func (d *Driver) Clone(ctx context.Context, plan engine.Plan, from runbook.Source) error {
	if err := d.volume.clear(); err != nil {
		return fmt.Errorf("removing a half-made copy: %w", err)
	}
	err := d.run(ctx, "pg_basebackup",
		"--dbname="+d.conninfo(from), "--pgdata="+d.volume.making(), "--wal-method=stream", "--checkpoint=fast",
		"--slot="+postgresql.Slot(plan.Cluster, d.member), "--no-password")
	if err != nil {
		return err
	}
	if err := d.volume.markStandby(d.volume.making(), true); err != nil {
		return err
	}
	if err := d.volume.complete(); err != nil {
		return err
	}
	d.replaced.Store(new(string))
	if r := plan.Rebuild; r != nil && r.Member == d.member {
		if err := d.volume.mark(rebuiltMarker, r.ID); err != nil {
			return err
		}
	}
	return d.volume.unmark(brokenMarker)
}

// Rewind takes back what this member wrote and the primary never had. The primary's first checkpoint must be over, or
// the two would look alike [seen]. What of the write-ahead log the target needs is on its own volume, kept by its
// slots; --restore-target-wal would look in an archive, and there is none yet: when something is missing the rewind
// fails, and the marker has the data copied anew.
func (d *Driver) Rewind(ctx context.Context, from runbook.Source) error {
	if err := d.volume.mark(brokenMarker, from.Member); err != nil {
		return err
	}
	d.replaced.Store(new(string))
	err := d.run(ctx, "pg_rewind",
		"--target-pgdata="+d.volume.data(), "--source-server="+d.conninfo(from)+" dbname=postgres")
	if err != nil {
		return err
	}
	if err := d.volume.remember(d.volume.data(), remembered{Lineage: from.Lineage}); err != nil {
		return err
	}
	// pg_rewind does not bring it, and without it the data would start as a second primary.
	if err := d.volume.markStandby(d.volume.data(), true); err != nil {
		return err
	}
	d.replaced.Store(&from.Member)
	return nil
}

// StartPrimary starts the server as primary. Every write waits for the standing's quorum from the first on.
func (d *Driver) StartPrimary(ctx context.Context, plan engine.Plan, s engine.Standing) error {
	start := func() error { return d.startServer(ctx, plan, launch{quorum: s.Quorum}) }
	if d.permit == nil {
		return start()
	}
	return d.permit(start)
}

// StartReplica starts the server as a replica of a member; of nobody when that has no name.
func (d *Driver) StartReplica(ctx context.Context, plan engine.Plan, from runbook.Source) error {
	if err := d.adopt(from); err != nil {
		return err
	}
	return d.startServer(ctx, plan, launch{standby: true, primary: from.Member, quorum: plan.Quorum()})
}

// Follow makes the running server receive from another member; from nobody when that has no name.
func (d *Driver) Follow(ctx context.Context, plan engine.Plan, from runbook.Source) error {
	if err := d.adopt(from); err != nil {
		return err
	}
	d.exact = false
	if len(from.Lineage) > 0 {
		d.epoch = from.Lineage.Epoch()
	}
	if err := d.configure(ctx, plan, from.Member, d.quorum); err != nil {
		return err
	}
	if err := d.reload(); err != nil {
		return err
	}
	d.following = from.Member
	return nil
}

// adopt takes over the lineage of a member before anything is received from it.
func (d *Driver) adopt(from runbook.Source) error {
	if from.Member == "" || len(from.Lineage) == 0 {
		return nil
	}
	return d.volume.remember(d.volume.data(), remembered{Lineage: from.Lineage})
}

// Stop asks the server to end; Exited tells when it has.
func (d *Driver) Stop(ctx context.Context) error {
	if !d.asked {
		d.checkpoint(ctx)
	}
	return d.stopServer()
}

// checkpointWithin bounds the checkpoint before a stop. Clients go on meanwhile, and the shutdown has less left to
// write; without it they would wait.
const checkpointWithin = 10 * time.Second

func (d *Driver) checkpoint(ctx context.Context) {
	if d.server == nil || !d.chores.primary {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkpointWithin)
	defer cancel()
	_ = d.db.exec(ctx, "CHECKPOINT") // a server that does not answer is stopped all the same
}

// Promote makes the running replica primary and returns when it accepts writes. Where the new history begins is on the
// disk before the first write.
func (d *Driver) Promote(
	ctx context.Context, plan engine.Plan, s engine.Standing, o runbook.Observation,
) error {
	ctx, cancel := context.WithTimeout(ctx, promoteTimeout)
	defer cancel()
	d.epoch = s.Epoch
	if err := d.Enforce(ctx, plan, s.Quorum); err != nil {
		return err
	}
	at := o.Volume.Point
	next := at.Lineage.At(at.Position).With(engine.Promotion{
		Epoch: s.Epoch, Timeline: o.Server.Timeline + 1, Position: at.Position,
	})
	if err := d.volume.expect(next); err != nil {
		return err
	}
	pool, err := d.db.connect(ctx)
	if err != nil {
		return err
	}
	// From now on the data may grow, even when no observation comes before the server dies.
	d.exact, d.chores.primary = false, true
	var promoted bool
	if err := pool.QueryRow(ctx, "SELECT pg_promote(true, 30)").Scan(&promoted); err != nil {
		return fmt.Errorf("promoting: %w", err)
	}
	if !promoted {
		return errors.New("the server was not promoted within 30 s")
	}
	_, _, err = d.volume.lineage() // completes it
	return err
}

// Enforce makes every write wait for a quorum. A replica has a quorum in its settings long before it is promoted, so
// that a promotion only changes whose answers count.
func (d *Driver) Enforce(ctx context.Context, plan engine.Plan, q engine.Quorum) error {
	if err := d.configure(ctx, plan, "", q); err != nil {
		return err
	}
	if err := d.reload(); err != nil {
		return err
	}
	d.following = ""
	// A barrier that waits is released by what weaker quorum comes, and one that was flushed says nothing of what is
	// acknowledged under a weaker quorum in between.
	d.chores.barrier, d.chores.flushed = nil, engine.Quorum{}
	if d.quorum.Count <= 1 && q.Count > 1 {
		// Whether writes wait at all is told by the checkpointer; when a checkpoint has ended, it has read the settings.
		// Until then nothing is claimed, or the barrier would not wait either.
		if err := d.db.exec(ctx, "CHECKPOINT"); err != nil {
			return fmt.Errorf("putting the quorum in force: %w", err)
		}
	}
	d.quorum = q
	return nil
}
