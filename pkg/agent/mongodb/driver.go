// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Options are what a Driver is made of.
type Options struct {
	// Member is the member's name.
	Member string
	// Root is the mount point of the volume, RunDirectory where everything that the server reads is written.
	// CertificateDirectory has the certificates, and what the members share.
	Root                 string
	RunDirectory         string
	CertificateDirectory string
	// Program is the server's program; found on the PATH when empty.
	Program string
	// Dial says how servers are reached, if not by DNS; for tests.
	Dial Dial
	// Reaper waits for the children.
	Reaper *process.Reaper
}

// Driver runs a mongod on one volume. Its methods are called by one goroutine.
type Driver struct {
	options Options
	access  Access
	volume  volume
	server  process.Server
	run     run
	config  configuration
	// siblings are the servers of the other members.
	siblings siblings
	// view is the set as it was seen last, rest what a primary that died waits for, soak for how long all members have run
	// the plan's version.
	view view
	rest rest
	soak soak
	// changes has a word whenever the server says that it has become something else.
	changes chan struct{}
}

// run is what is known of the server that runs.
type run struct {
	// client asks it; nil while it takes no connections.
	client *mongo.Client
	// accepted says that it answered once, version is what it says that it is.
	accepted bool
	version  string
	// ailing is since when it has been in a state in which it serves nobody, zero while it is not.
	ailing time.Time
}

// New returns a Driver whose server is down.
func New(o Options) *Driver {
	access := Access{certificates: o.CertificateDirectory, dial: o.Dial}
	return &Driver{
		options: o, volume: volume{volumes.Volume{Root: o.Root}}, server: process.Server{Reaper: o.Reaper}, access: access,
		siblings: siblings{access: access, clients: map[engine.PlanMember]*mongo.Client{}},
		rest:     rest{began: time.Now()}, changes: make(chan struct{}, 1),
	}
}

// Access is how to log in at the own server.
func (d *Driver) Access() Access { return d.access }

// Exited is closed when the running server has died; nil when none runs.
func (d *Driver) Exited() <-chan struct{} { return d.server.Exited() }

// Changes has a word whenever the server says that it has become something else.
func (d *Driver) Changes() <-chan struct{} { return d.changes }

// Do carries out a step.
func (d *Driver) Do(ctx context.Context, t runbook.Task) error {
	switch t.Kind {
	case runbook.StepInitialise:
		return d.volume.prepare(mark{Member: d.options.Member, Born: t.Plan.ClusterUID})
	case runbook.StepClone:
		return d.beginAnew(t.Plan)
	case runbook.StepStartReplica:
		if err := d.giveVoteBack(ctx, t.Plan); err != nil {
			return err
		}
		return d.start(t.Plan)
	case runbook.StepHandOver:
		if t.Observation.Volume.Resting {
			return d.bequeath(ctx, t)
		}
		return d.handOver(ctx, t)
	case runbook.StepStopServer:
		return d.server.Stop()
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepQuiesce, runbook.StepRewind,
		runbook.StepDemote, runbook.StepFollow, runbook.StepPromote, runbook.StepEnforce, runbook.StepStartPrimary:
	}
	return fmt.Errorf("step %s is not the driver's", t.Kind)
}

// beginAnew throws the data away: a server that starts without any copies all of it from another.
func (d *Driver) beginAnew(plan engine.Plan) error {
	r := plan.Rebuild
	if r == nil || r.Member != d.options.Member || d.server.Running() {
		return errors.New("nobody asked for a new copy, or the server still runs")
	}
	m, _, err := d.volume.mark()
	if err != nil {
		return err
	}
	if m.Led {
		return errors.New("a primary's data is not thrown away")
	}
	return d.volume.clear(r.ID)
}

// start starts the server, which inherits the lock of the volume. It works in the volume, by which it is found when it
// outlives the agent.
func (d *Driver) start(plan engine.Plan) error {
	if err := d.volume.finish(); err != nil {
		return err
	}
	// The kubelet opens the volume to the group at every mount.
	if err := os.Chmod(d.volume.data(), dataMode); err != nil {
		return fmt.Errorf("closing a directory to others: %w", err)
	}
	conf, err := d.configure(plan)
	if err != nil {
		return err
	}
	program := d.options.Program
	if program == "" {
		program = "mongod"
	}
	cmd := process.Command(program, "--config", conf)
	cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, d.volume.data()
	cmd.ExtraFiles = []*os.File{d.volume.Lock}
	d.run, d.view = run{}, view{}
	return d.server.Start(cmd)
}

// monitor wakes the agent when the server says that it has become something else. The client library keeps a hello open
// at the server, which answers it in that moment.
func (d *Driver) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{ServerDescriptionChanged: func(*event.ServerDescriptionChangedEvent) {
		select {
		case d.changes <- struct{}{}:
		default:
		}
	}}
}
