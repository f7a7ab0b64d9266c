// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

const (
	// answerWithin bounds each question that a pass asks the server, stepWithin each step.
	answerWithin = time.Second
	stepWithin   = 5 * time.Second
)

// Do carries out a step.
func (d *Driver) Do(ctx context.Context, t runbook.Task) error {
	if t.Kind.Long() {
		return d.replace(t)
	}
	ctx, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	d.users.closed = t.Observation.Closed
	switch t.Kind {
	case runbook.StepDemote:
		return d.Demote(ctx, t.Plan)
	case runbook.StepStopServer:
		return d.Stop(ctx)
	case runbook.StepStartPrimary, runbook.StepStartReplica:
		return d.start(ctx, t.Plan)
	case runbook.StepFollow:
		return d.Follow(ctx, t.Source)
	case runbook.StepEnforce:
		return d.Enforce(ctx, t.Standing.Quorum)
	case runbook.StepPromote:
		return d.Promote(ctx, t.Standing)
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepInitialise, runbook.StepClone,
		runbook.StepRewind, runbook.StepQuiesce, runbook.StepHandOver:
	}
	return fmt.Errorf("step %s is not the driver's", t.Kind)
}

// replace carries out a step that makes other data, while no server runs.
func (d *Driver) replace(t runbook.Task) error {
	switch t.Kind {
	case runbook.StepInitialise:
		return d.Initialise(t.Plan, t.Standing.Epoch)
	case runbook.StepClone:
		return d.Clone(t.Plan)
	default:
		return fmt.Errorf("step %s is not the driver's", t.Kind)
	}
}

// Initialise makes new data: an empty directory, and the state that says that it is all there is.
func (d *Driver) Initialise(plan engine.Plan, epoch int64) error {
	if err := d.volume.clear(); err != nil {
		return err
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	return d.volume.remember(state{
		SystemID: hex.EncodeToString(id), Lineage: engine.Lineage{promotion(epoch, 0)}, Exact: true, Led: true,
		Form: formOf(wanted(plan)),
	})
}

// Clone prepares for the first copy of a primary's data: whatever is here is thrown away. That there is no data is on
// the disk before it is so.
func (d *Driver) Clone(plan engine.Plan) error {
	s, _, err := d.volume.state()
	if err != nil {
		return err
	}
	rebuilt := s.Rebuilt
	if r := plan.Rebuild; r != nil && r.Member == d.options.Member {
		rebuilt = r.ID
	}
	err = d.volume.remember(state{SystemID: plan.SystemID, Form: formOf(wanted(plan)), Copying: true, Rebuilt: rebuilt})
	if err != nil {
		return err
	}
	return d.volume.clear()
}

// promotion is one as the lineage has it. Redis has no numbers for its timelines, so the epoch is the timeline too, and
// no two promotions share one.
func promotion(epoch int64, position uint64) engine.Promotion {
	return engine.Promotion{Epoch: epoch, Timeline: epoch, Position: position}
}

// A replica of nobody is one of a port of this machine on which nobody listens. It accepts no writes, receives nothing,
// and keeps its history: it can go on where it was, as a replica of another or as a primary.
const nobodyHost, nobodyPort = "127.0.0.1", "1"

// replicate makes the server a replica. When it returns, nothing more is received from whomever it followed before: the
// server does one thing at a time, and drops what it has read and not applied.
func (d *Driver) replicate(ctx context.Context, host, port string) error {
	if err := d.client.ReplicaOf(ctx, host, port).Err(); err != nil {
		return fmt.Errorf("making the server a replica of %s: %w", host, err)
	}
	return nil
}

// Follow makes the server receive from another member; from nobody when that has no name. It may replace everything
// that the server has, so what the disk is said to have is lowered first to what both members have.
func (d *Driver) Follow(ctx context.Context, from runbook.Source) error {
	if from.Member == "" {
		if err := d.replicate(ctx, nobodyHost, nobodyPort); err != nil {
			return err
		}
		d.run.following = ""
		return nil
	}
	told := toldBy(from.Engine, from.Lineage)
	if told.id == "" {
		return errors.New("the primary has not told what its history is called")
	}
	err := d.volume.change(func(s *state) {
		shared := redis.Shared(s.point(), from.Lineage)
		s.Lineage, s.Position, s.Exact, s.Led = shared.Lineage, shared.Position, false, false
	})
	if err != nil {
		return err
	}
	d.run.told, d.run.following, d.run.leads = told, from.Member, false
	return d.replicate(ctx, cmp.Or(from.Address, from.Host), strconv.Itoa(redis.ClientPort))
}

// Promote makes the running replica primary. Where its new history begins is on the disk before the first write, and
// from the first write on as many replicas must be there as the standing's quorum asks for.
func (d *Driver) Promote(ctx context.Context, s engine.Standing) error {
	if err := d.Enforce(ctx, s.Quorum); err != nil {
		return err
	}
	seen, err := ask(ctx, d.client)
	if err != nil {
		return err
	}
	if d.server == nil || !d.run.asked.IsZero() || !d.run.history.is(seen) || d.run.following != "" {
		return errors.New("the server does not stand still any more")
	}
	at := d.run.history.at(seen)
	lineage := at.Lineage.At(at.Position)
	if lineage.Epoch() != s.Epoch { // else it goes on in the tenure in which it was promoted
		lineage = lineage.With(promotion(s.Epoch, at.Position))
	}
	if err := d.volume.change(func(v *state) { v.Lineage, v.Exact, v.Led = lineage, false, true }); err != nil {
		return err
	}
	d.run.told, d.run.history.lineage, d.run.leads = history{}, lineage, true
	return d.options.Permit(func() error { return d.replicate(ctx, "NO", "ONE") })
}

// laggedFor is after how many seconds of silence a replica no longer counts for a write. Replicas speak once a second,
// so two may be missed; and a primary that is cut off refuses writes before it is fenced (election.RenewDeadline).
const laggedFor = "3"

// Enforce makes the server refuse writes while fewer replicas are there than the quorum asks for.
func (d *Driver) Enforce(ctx context.Context, q engine.Quorum) error {
	if err := d.set(ctx, quorumSettings(d.options.Member, q)); err != nil {
		return fmt.Errorf("putting the quorum in force: %w", err)
	}
	seen, err := ask(ctx, d.client)
	if err != nil {
		return err
	}
	d.run.quorum, d.run.barrier, d.run.settled = q, seen.Offset, q.Count <= 1
	return nil
}

func quorumSettings(member string, q engine.Quorum) map[string]string {
	count, _ := q.Others(member)
	return map[string]string{"min-replicas-to-write": strconv.Itoa(count), "min-replicas-max-lag": laggedFor}
}
