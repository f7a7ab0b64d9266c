// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

const (
	// levelWithin is for how long a handover waits for a member that is level: one that has just come back is soon.
	levelWithin = 3 * time.Second
	// catchUpWithin is for how long the server itself waits for it, and takes no writes meanwhile.
	catchUpWithin = 10 * time.Second
	// retireFor is for how long the server does not stand for election after it stepped down, and with it the others than
	// the one that is to be elected. It ends as soon as there is a primary, or nobody was elected in time.
	retireFor = 15 * time.Second
	// electWithin is how long the election may take.
	electWithin = 5 * time.Second
	// handOverWithin bounds all of it.
	handOverWithin = levelWithin + catchUpWithin + electWithin
	// glanceEvery is how often it is looked whether something has come.
	glanceEvery = 50 * time.Millisecond
)

// handOver has another member be primary, and waits until it is. The server steps down only when one that can be
// elected has all that it has (replSetStepDown, never with force), and then asks that one to stand. Where somebody is
// named, nobody else stands meanwhile.
func (d *Driver) handOver(ctx context.Context, t runbook.Task) error {
	ctx, cancel := context.WithTimeout(ctx, handOverWithin)
	defer cancel()
	if err := d.awaitHeir(ctx, t); err != nil {
		return err
	}
	rivals := d.rivals(t)
	d.freeze(ctx, rivals, retireFor)
	err := d.stepDown(ctx)
	if err == nil {
		err = d.awaitSuccessor(ctx, t)
	}
	d.freeze(context.WithoutCancel(ctx), rivals, 0)
	if !t.Observation.Stopping { // it may be needed again before its time is over, which is that of a freeze
		err = errors.Join(err, tell(ctx, d.run.client, freezeFor(0)))
	}
	return err
}

// stepDown has the server give up being primary
// (https://www.mongodb.com/docs/manual/reference/command/replSetStepDown/).
func (d *Driver) stepDown(ctx context.Context) error {
	err := tell(ctx, d.run.client, bson.D{
		{Key: "replSetStepDown", Value: int64(retireFor.Seconds())},
		{Key: "secondaryCatchUpPeriodSecs", Value: int64(catchUpWithin.Seconds())},
	})
	if err != nil {
		return fmt.Errorf("the primary did not step down: %w", err)
	}
	return nil
}

// awaitHeir waits for a member that can take over, and refuses when there is none: the server would take no writes
// while it waits.
func (d *Driver) awaitHeir(ctx context.Context, t runbook.Task) error {
	return await(ctx, levelWithin, func() (err error) {
		if d.view, err = lookAt(ctx, d.run.client); err != nil {
			return err
		}
		target, named := t.Plan.Member(t.Primary)
		switch {
		case !named && t.Primary != "":
			return fmt.Errorf("%s is no member", t.Primary)
		case named && !d.view.config.Electable(mongodb.HostOf(target)):
			return fmt.Errorf("%s has no vote in the replica set, and cannot be elected", t.Primary)
		case named && !d.anyReady(ctx, t, target):
			return fmt.Errorf("%s is not caught up", t.Primary)
		case !named && !d.anyReady(ctx, t, d.others(t.Plan)...):
			return errors.New("no secondary that may be elected is caught up")
		}
		return nil
	})
}

// anyReady says whether one of some members may be elected, is level, and says itself that it is there: of one that has
// just died the primary does not know yet.
func (d *Driver) anyReady(ctx context.Context, t runbook.Task, members ...engine.PlanMember) bool {
	level := d.set(t.Observation).LevelMembers()
	ready := slices.DeleteFunc(slices.Clone(members), func(m engine.PlanMember) bool {
		return !slices.Contains(level, m.Name) || !d.view.config.Electable(mongodb.HostOf(m))
	})
	for _, v := range d.lookAround(ctx, ready) {
		if v.state == mongodb.StateSecondary {
			return true
		}
	}
	return false
}

// await asks again and again until there is no error, and gives the last one when the time is over.
func await(ctx context.Context, within time.Duration, reached func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(glanceEvery)
	defer ticker.Stop()
	for {
		err := reached()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

// rivals are the members that could be elected in the place of the one that is named; none when nobody is.
func (d *Driver) rivals(t runbook.Task) (rivals []engine.PlanMember) {
	for _, m := range d.others(t.Plan) {
		if t.Primary != "" && m.Name != t.Primary && d.view.config.Electable(mongodb.HostOf(m)) {
			rivals = append(rivals, m)
		}
	}
	return rivals
}

// freeze keeps members from standing for election for a time; 0 lets them again
// (https://www.mongodb.com/docs/manual/reference/command/replSetFreeze/). Who does not answer is not elected either.
func (d *Driver) freeze(ctx context.Context, members []engine.PlanMember, period time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, siblingsWithin)
	defer cancel()
	atEach(ctx, d, members, func(ctx context.Context, c *mongo.Client) (struct{}, error) {
		return struct{}{}, tell(ctx, c, freezeFor(period))
	})
}

func freezeFor(period time.Duration) bson.D {
	return bson.D{{Key: "replSetFreeze", Value: int64(period.Seconds())}}
}

// stepUpEvery is how long the one that is meant may take before it is asked to stand once more: the server that steps
// down asks just one, which may be another that cannot now.
const stepUpEvery = 500 * time.Millisecond

// awaitSuccessor waits until somebody else is primary.
func (d *Driver) awaitSuccessor(ctx context.Context, t runbook.Task) error {
	asked, me := time.Now(), d.view.self().Host
	target, named := t.Plan.Member(t.Primary)
	return await(ctx, electWithin, func() error {
		said, err := askHello(ctx, d.run.client)
		switch {
		case err != nil:
			return fmt.Errorf("looking for the new primary: %w", err)
		case said.Primary != "" && said.Primary != me:
			return nil
		}
		if named && time.Since(asked) > stepUpEvery {
			asked = time.Now()
			if err := d.at(ctx, target, stepUp(ctx)); err != nil {
				klog.FromContext(ctx).V(1).Info("The election has to be asked for again", "member", t.Primary, "err", err)
			}
		}
		return errors.New("the primary stepped down, and nobody was elected in its place in time")
	})
}
