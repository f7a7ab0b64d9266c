// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

type observation = runbook.Observation

// answerWithin bounds what a look may take. A server that takes longer takes no connections.
const answerWithin = 2 * time.Second

// Observe looks at the volume and at the server. A server that does not answer is Running and not Accepting.
func (d *Driver) Observe(ctx context.Context, o *runbook.Observation) error {
	if err := d.volume.TryLock(); err != nil {
		return err
	}
	if d.server.Died() {
		if err := d.bury(ctx); err != nil {
			return err
		}
	}
	seen, err := d.volume.observe(d.options.Member)
	if err != nil {
		return err
	}
	o.Volume, o.Refused, o.Pending, o.Crashes = seen, d.config.complaint, d.config.pending, d.server.Crashes()
	if !d.server.Running() {
		return d.observeRest(ctx, o)
	}
	o.Server.Running = true
	if d.server.Asked() { // it goes down, whatever it says
		return d.server.Stop()
	}
	if err := d.observeServer(ctx, o); err != nil {
		klog.FromContext(ctx).V(1).Info("The server does not answer", "err", err) // that is what is observed
	}
	return nil
}

// bury takes note of a server that has ended. What it has started, if anything, goes on to write until it is gone.
func (d *Driver) bury(ctx context.Context) error {
	if err := d.volume.Evict(); err != nil {
		return err
	}
	if !d.run.accepted && !d.server.Asked() {
		d.config.distrust()
	}
	d.disconnect(ctx)
	d.rest = rest{began: time.Now(), term: d.view.term}
	d.config.pending, d.run, d.view = nil, run{}, view{}
	if clean := d.server.Bury(); !clean {
		return nil
	}
	return d.volume.change(func(m *mark) { m.Led = false }) // it has handed over what it had to
}

// disconnect forgets the connections to the own server.
func (d *Driver) disconnect(ctx context.Context) {
	if d.run.client != nil {
		disconnect(ctx, d.run.client)
		d.run.client = nil
	}
}

// observeServer looks at the server that runs.
func (d *Driver) observeServer(ctx context.Context, o *runbook.Observation) error {
	ctx, cancel := d.whileItLives(ctx)
	defer cancel()
	if err := d.reach(ctx); err != nil {
		return err
	}
	v, err := lookAt(ctx, d.run.client)
	if err != nil {
		return err
	}
	if d.run.version == "" {
		if d.run.version, err = askVersion(ctx, d.run.client); err != nil {
			return err
		}
	}
	d.view = v
	if err := d.trust(); err != nil {
		return err
	}
	if err := d.note(o); err != nil {
		return err
	}
	return d.describe(ctx, o)
}

// whileItLives bounds a look at the own server, and ends it when that dies: the client library goes on to wait for a
// server that nobody else can be asked to replace meanwhile.
func (d *Driver) whileItLives(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	exited := d.Exited()
	go func() {
		select {
		case <-exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// reach makes the client of the own server, once that listens: a client that has failed to connect waits before it
// tries again.
func (d *Driver) reach(ctx context.Context) (err error) {
	if d.run.client != nil {
		return nil
	}
	address := net.JoinHostPort(local, strconv.Itoa(mongodb.ClientPort))
	connection, err := d.access.dial.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("looking for the server: %w", err)
	}
	_ = connection.Close()
	d.run.client, err = d.access.toSelf(d.monitor())
	return err
}

// note remembers on the volume which set the server is in, and that it has its data.
func (d *Driver) note(o *runbook.Observation) error {
	v := d.view
	if !v.config.InSet() {
		return nil
	}
	err := d.volume.change(func(m *mark) {
		m.SystemID, m.Initiating = v.config.ReplicaSetID, false
		m.Joined = m.Joined || v.leads || v.state == mongodb.StateSecondary
		m.Led = v.state == mongodb.StatePrimary
	})
	if err != nil {
		return err
	}
	o.Volume, err = d.volume.observe(d.options.Member)
	return err
}

// describe puts what the server tells into the observation.
func (d *Driver) describe(ctx context.Context, o *runbook.Observation) error {
	v, s, set := d.view, &o.Server, d.set(*o)
	// A set that has just begun elects its only member in a moment. To call that one a replica until then would cost a
	// report, and whoever reads it a write.
	born := o.Plan.Initialiser == d.options.Member && o.Plan.SystemID == "" && v.config.InSet()
	s.Accepting, s.InRecovery, s.Version = v.leads || !born, !v.leads, d.run.version
	s.Term, s.Timeline, s.Electorate = v.term, v.term, set.Electorate()
	o.Problem = d.ailment()
	if v.leads {
		if err := d.siblings.keep(ctx, d.others(o.Plan)); err != nil {
			return err
		}
		majority, err := d.waitsForMajority(ctx)
		s.Attached, s.Enforced = set.LevelMembers(), set.Enforced(majority)
		return err
	}
	if v.primary != "" {
		s.Primary = set.NameOf(v.primary)
	}
	// One that is to vote has not come as far as it should before it does: it could not take over.
	host := v.self().Host
	joined := v.config.Electable(host) || !mongodb.IsVoter(o.Plan, d.options.Member)
	s.Streaming = v.state == mongodb.StateSecondary && set.Level(host) && joined
	return nil
}

// ailingFor is how long a server may serve nobody before it is a problem: each of these states is part of a start, or
// of a change of the primary.
const ailingFor = 10 * time.Second

// ailments are the states in which a server serves nobody although it is in a set, and why. A first copy takes as long
// as it takes, and is none.
var ailments = map[mongodb.State]string{
	mongodb.StateRecovering: "RECOVERING: it may lack more than any other member still has, and then needs a new copy",
	mongodb.StateRollback:   "ROLLBACK: it takes back what it wrote and no majority had",
	mongodb.StateRemoved:    "REMOVED: the set's configuration does not have it",
}

// ailment is the problem of a server that serves nobody.
func (d *Driver) ailment() *engine.Problem {
	why, ails := ailments[d.view.state]
	if !ails {
		d.run.ailing = time.Time{}
		return nil
	}
	if d.run.ailing.IsZero() {
		d.run.ailing = time.Now()
	}
	if time.Since(d.run.ailing) < ailingFor {
		return nil
	}
	return &engine.Problem{Reason: v1alpha1.ReasonMemberFailed, Message: "the server is in state " + why}
}
