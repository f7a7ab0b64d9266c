// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Options are what a Driver is made of.
type Options struct {
	// Member is the member's name, Address the IP address of its pod.
	Member, Address string
	// Root is the mount point of the volume, ConfigDirectory where everything that the server reads is written.
	// CertificateDirectory has the certificates, and the password with which members log in to each other.
	Root                 string
	ConfigDirectory      string
	CertificateDirectory string
	// Program is the server's program; found on the PATH when empty.
	Program string
	// Classes is where the parts of a ZooKeeper are; where Debian has them when empty.
	Classes string
	// Dial says how servers are reached, if not by DNS; for tests.
	Dial Dial
	// Reaper waits for the children.
	Reaper *process.Reaper
}

// Driver runs a server of ClickHouse on one volume. Its methods are called by one goroutine; a step that makes data may
// run beside Observe and Exited while no server runs.
type Driver struct {
	tenant
	options Options
	// password is that of the agent's own user, drawn anew in each life of the agent.
	password string
	// client asks the own server, siblings those of other members, by host; nil until they are needed.
	client   driver.Conn
	siblings map[string]driver.Conn
	config   configuration
	run      run
	school   school
	// swept is when replicas that left were last looked for.
	swept time.Time
	// gaveUp is when parts were last looked for that the others gave up.
	gaveUp time.Time
}

// run is what is known of the server that runs.
type run struct {
	// began is when it was started.
	began time.Time
	// answered is when it answered last, last what it was then.
	answered time.Time
	last     runbook.Server
	// level says that no table lagged when that could last be told.
	level bool
	// lost is since when the keepers do not answer the server, zero while they do.
	lost time.Time
	// hung is when it last did not answer in time whether they do, stranded since when they answer the agent and not it.
	hung, stranded time.Time
	// gaveUp is when parts of a table were given up, by its path in the keepers' tree.
	gaveUp map[string]time.Time
	// quiesced is since when it is to come to rest, hurried that the pod ends.
	quiesced time.Time
	hurried  bool
}

// New returns a Driver whose server is down.
func New(o Options) *Driver {
	return &Driver{
		tenant:  tenant{volume: volume{volumes.Volume{Root: o.Root}}, reaper: o.Reaper},
		options: o, password: rand.Text(), siblings: map[string]driver.Conn{},
	}
}

// Do carries out a step.
func (d *Driver) Do(ctx context.Context, t runbook.Task) error {
	switch t.Kind {
	case runbook.StepInitialise:
		return d.initialise(t.Plan)
	case runbook.StepClone:
		return d.beginAnew(t.Plan)
	case runbook.StepStartPrimary, runbook.StepStartReplica:
		return d.begin(ctx, t.Plan)
	case runbook.StepQuiesce:
		if d.run.quiesced.IsZero() {
			d.run.quiesced = time.Now()
		}
		d.run.hurried = t.Observation.Stopping
		return nil
	case runbook.StepStopServer:
		return d.stop()
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepRewind, runbook.StepDemote,
		runbook.StepFollow, runbook.StepPromote, runbook.StepHandOver, runbook.StepEnforce:
	}
	return fmt.Errorf("step %s is not the driver's", t.Kind)
}

func (d *Driver) initialise(plan engine.Plan) error {
	me, planned := plan.Member(d.options.Member)
	if !planned {
		return fmt.Errorf("%s is no member of the plan", d.options.Member)
	}
	return d.volume.initialise(plan, me)
}

// beginAnew throws the data away, for all of it to come from the siblings again. The mark goes first: what is half
// thrown away is nobody's.
func (d *Driver) beginAnew(plan engine.Plan) error {
	m, _, err := d.volume.mark()
	if err != nil {
		return err
	}
	m.Schooled = false
	if r := plan.Rebuild; r != nil && r.Member == d.options.Member {
		m.Rebuilt = r.ID
	}
	return d.volume.replace(m)
}

// begin starts the server. What it reads is for the agent's user alone, as it has passwords, and lies in memory. The
// copy that the server makes of it on the volume is led back there.
func (d *Driver) begin(ctx context.Context, plan engine.Plan) error {
	files, err := d.choose(plan)
	if err != nil {
		return err
	}
	if err := write(d.options.ConfigDirectory, files); err != nil {
		return err
	}
	if err := d.lead("preprocessed_configs"); err != nil {
		return err
	}
	d.buryFormerLife(ctx, plan)
	d.config.begin(plan, files)
	d.config.certificates = certificates(d.options.CertificateDirectory)
	d.disconnect()
	d.run = run{began: time.Now()}
	program := d.options.Program
	if program == "" {
		program = found("clickhouse-server")
	}
	cmd := command(program, "--config-file="+filepath.Join(d.options.ConfigDirectory, clickhouse.ConfigFile))
	// Else the server would run as the child of another process of itself, which restarts it.
	cmd.Env = append(os.Environ(), "CLICKHOUSE_WATCHDOG_ENABLE=0")
	return d.start(cmd)
}

// lead makes a directory that the server writes to on the volume one in memory.
func (d *Driver) lead(directory string) error {
	there, here := filepath.Join(d.options.ConfigDirectory, directory), filepath.Join(d.volume.data(), directory)
	if err := os.MkdirAll(there, dataMode); err != nil {
		return fmt.Errorf("making a directory in memory: %w", err)
	}
	if target, err := os.Readlink(here); err == nil && target == there {
		return nil
	}
	if err := os.RemoveAll(here); err != nil {
		return fmt.Errorf("removing what a server has written about itself: %w", err)
	}
	if err := os.Symlink(there, here); err != nil {
		return fmt.Errorf("leading a directory of the volume to memory: %w", err)
	}
	return nil
}

// disconnect forgets connections to servers that may be gone.
func (d *Driver) disconnect() {
	if d.client != nil {
		_ = d.client.Close()
		d.client = nil
	}
	for host, client := range d.siblings {
		_ = client.Close()
		delete(d.siblings, host)
	}
}

// Access is how the agent logs in at the own server while it lives.
func (d *Driver) Access() Access {
	return Access{login: login{
		address: local, host: localhost, username: clickhouse.AgentUser, password: d.password, dial: d.options.Dial,
		certificates: d.options.CertificateDirectory,
	}}
}
