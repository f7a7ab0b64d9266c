// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Driver runs PostgreSQL on one volume. Its methods are called by one goroutine; Initialise, Clone and Rewind may run
// beside Observe, Exited and Stop while no server runs.
type Driver struct {
	member string
	reaper *process.Reaper
	permit func(start func() error) error
	volume volume
	// server is the postmaster; nil when there is none.
	server *process.Process
	// following is the member that the server was told to follow, quorum what it was told to enforce.
	following string
	quorum    engine.Quorum
	// epoch is that of the last promotion in the lineage that the server runs with.
	epoch  int64
	config configuration
	// closed says that applications may not log in.
	closed bool
	db     database
	// end is how far the data goes, as far as it was seen; exact says that it is known to the last byte.
	end   uint64
	exact bool
	// rewound is the primary to whose data the volume was rewound in this life of the agent. A step that replaces data
	// runs beside the loop, and leaves the next rewound in replaced; nil when nothing was replaced.
	rewound  string
	replaced atomic.Pointer[string]
	// asked says that the server was told to stop, crashes when it died without.
	asked   bool
	crashes []time.Time
	pending []string
	chores  chores
}

// Options are what a Driver is made of.
type Options struct {
	// Member is the member's name.
	Member string
	// Root is the mount point of the volume, SocketDirectory where the server's local socket goes.
	Root            string
	SocketDirectory string
	// Reaper waits for the children.
	Reaper *process.Reaper
	// Permit is called around the start of a server that accepts writes: a fence must not slip in between.
	Permit func(start func() error) error
}

// New returns a Driver whose server is down.
func New(o Options) *Driver {
	return &Driver{
		member: o.Member, reaper: o.Reaper, permit: o.Permit, volume: volume{volumes.Volume{Root: o.Root}},
		db: database{directory: o.SocketDirectory},
	}
}

// Exited is closed when the running server has died; nil when none runs.
func (d *Driver) Exited() <-chan struct{} {
	if d.server == nil {
		return nil
	}
	return d.server.Done()
}

// launch is how a server starts.
type launch struct {
	// standby says that it starts as a replica, of primary; of nobody when that is "".
	standby bool
	primary string
	// quorum is what it enforces as soon as it accepts writes.
	quorum engine.Quorum
}

// startServer starts the postmaster. It inherits the lock of the volume.
func (d *Driver) startServer(ctx context.Context, plan engine.Plan, l launch) error {
	if err := d.volume.mend(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.db.directory, dataMode); err != nil {
		return fmt.Errorf("making the socket directory: %w", err)
	}
	if err := d.volume.markStandby(d.volume.data(), l.standby); err != nil {
		return err
	}
	if l.standby {
		if err := d.raiseToPrimary(ctx, plan); err != nil {
			return err
		}
	}
	lineage, _, err := d.volume.lineage()
	if err != nil {
		return err
	}
	d.epoch = lineage.Epoch()
	d.config.tried = "" // a copy brings the files of the primary
	if err := d.configure(ctx, plan, l.primary, l.quorum); err != nil {
		return err
	}
	cmd := command(program("postgres"), "-D", d.volume.data())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{d.volume.Lock}
	server, err := d.reaper.Start(cmd)
	if err != nil {
		return err
	}
	d.server, d.following, d.quorum, d.asked, d.chores = server, l.primary, l.quorum, false, chores{}
	d.exact, d.config.unread = false, false
	return nil
}

// stopServer asks the postmaster for a fast shutdown: sessions are ended and a checkpoint is written.
func (d *Driver) stopServer() error {
	d.db.close()
	if d.server == nil {
		return nil
	}
	d.asked = true
	if err := d.server.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return nil
}

// run runs one of PostgreSQL's own programs to its end. They have children, which could still write when the next step
// begins.
func (d *Driver) run(ctx context.Context, name string, args ...string) error {
	cmd := command(program(name), args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, d.volume.Root
	if err := d.await(ctx, cmd); err != nil {
		return fmt.Errorf("%s: %w", name, errors.Join(err, d.volume.Evict()))
	}
	return nil
}

// command makes a command that no context ends: os/exec would have to wait for it, and only the reaper may (package
// process).
func command(path string, args ...string) *exec.Cmd {
	return exec.Command(path, args...) //nolint:noctx // see above
}

// await runs a command to its end, or to the end of ctx.
func (d *Driver) await(ctx context.Context, cmd *exec.Cmd) error {
	p, err := d.reaper.Start(cmd)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return p.Err()
	case <-ctx.Done():
		err := p.Signal(syscall.SIGKILL)
		<-p.Done()
		return errors.Join(ctx.Err(), err)
	}
}

// program finds one of PostgreSQL's programs. The vendor's image has them on the PATH; Debian keeps them by version.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1]
	}
	return name
}
