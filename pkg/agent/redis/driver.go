// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
)

// Driver runs Redis on one volume. Its methods are called by one goroutine; Initialise and Clone may run beside Observe
// and Exited while no server runs.
type Driver struct {
	options Options
	volume  volume
	access  Access
	client  *goredis.Client
	// server is the process; nil when there is none.
	server *process.Process
	run    run
	// config is what the server is told, users who may log in.
	config configuration
	users  users
	// crashes is when the server died with something that it had acknowledged.
	crashes []time.Time
}

// run is what is known of the server that runs.
type run struct {
	// following is the member that it was told to follow, "" for nobody.
	following string
	// history is the one that its data is of, told that of the primary it was told to follow.
	history, told history
	// leads says that it was promoted, and may have acknowledged writes since.
	leads bool
	// quorum is what it was told to enforce, barrier the offset at which that began, settled that the quorum has reached
	// it.
	quorum  engine.Quorum
	barrier int64
	settled bool
	// accepted says that it took connections once, version is what it says that it is.
	accepted bool
	// asked is when it was told to stop, signalled when last; end is what it has then, if that stands still.
	asked, signalled time.Time
	end              *engine.Point
	// mark is how much of the data may be on the disk, marked when that was last looked at.
	mark   *mark
	marked time.Time
}

// Options are what a Driver is made of.
type Options struct {
	// Member is the member's name.
	Member string
	// Root is the mount point of the volume, SocketDirectory where the server's local socket and its own configuration go.
	// CertificateDirectory has the certificates, and the password with which members log in to each other.
	Root                 string
	SocketDirectory      string
	CertificateDirectory string
	// Program is the server's program; found on the PATH when empty.
	Program string
	// Clustered says that the server is one of a Redis Cluster.
	Clustered bool
	// Dial says how the servers of other members are reached, if not by DNS and TLS; for tests.
	Dial Dial
	// Reaper waits for the children.
	Reaper *process.Reaper
	// Reached asks another member's agent how far its data goes.
	Reached func(ctx context.Context, member string) (engine.Point, error)
	// Permit is called around the promotion of a server: a fence must not slip in between.
	Permit func(start func() error) error
}

// New returns a Driver whose server is down. The password of its own user is of this life of the agent, and is on no
// disk but as its hash.
func New(o Options) *Driver {
	if o.Permit == nil {
		o.Permit = func(start func() error) error { return start() }
	}
	if o.Reached == nil {
		o.Reached = func(context.Context, string) (engine.Point, error) { return engine.Point{}, errNobodyToAsk }
	}
	d := &Driver{
		options: o, volume: volume{volumes.Volume{Root: o.Root}},
		access: Access{
			Socket: filepath.Join(o.SocketDirectory, filepath.Base(redis.SocketPath)), Username: redis.AgentUser,
			Password: rand.Text(),
		},
	}
	d.client = connect(d.access, clientName)
	return d
}

// errNobodyToAsk is what a driver hears that stands alone; then a server's word has to do.
var errNobodyToAsk = errors.New("there is no other agent to ask")

// clientName is what the driver's connection is called in the server's list.
const clientName = "atlasdb-agent"

// Access is how to log in at the server while this agent lives.
func (d *Driver) Access() Access { return d.access }

// Exited is closed when the running server has died; nil when none runs.
func (d *Driver) Exited() <-chan struct{} {
	if d.server == nil {
		return nil
	}
	return d.server.Done()
}

// start starts the server as a replica of nobody. It inherits the lock of the volume.
func (d *Driver) start(ctx context.Context, plan engine.Plan) error {
	if err := os.MkdirAll(d.options.SocketDirectory, dataMode); err != nil {
		return fmt.Errorf("making the socket directory: %w", err)
	}
	// The kubelet opens the volume to the group at every mount.
	if err := errors.Join(os.Chmod(d.options.SocketDirectory, dataMode), os.Chmod(d.volume.data(), dataMode)); err != nil {
		return fmt.Errorf("closing a directory to others: %w", err)
	}
	conf, err := d.configure(ctx, plan)
	if err != nil {
		return err
	}
	cmd := command(d.program(), conf)
	cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, d.volume.data()
	cmd.ExtraFiles = []*os.File{d.volume.Lock}
	server, err := d.options.Reaper.Start(cmd)
	if err != nil {
		return err
	}
	d.server, d.run = server, run{}
	// A client that has failed to connect once waits a second before it tries again.
	_ = d.client.Close() // it had the connection to a server that is dead
	d.client = connect(d.access, clientName)
	return nil
}

// listens says whether the server takes connections.
func (d *Driver) listens(ctx context.Context) bool {
	connection, err := new(net.Dialer).DialContext(ctx, "unix", d.access.Socket)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// stopWithin is how long a server may take to write what it has. What it has not written by then is lost to this
// member, as it is to any that is killed.
const stopWithin = 60 * time.Second

// Stop asks the server to end; Exited tells when it has. It is asked again until then (Observe): a server refuses to
// end while its first log is being written, or when it cannot write its snapshot.
func (d *Driver) Stop(ctx context.Context) error {
	if d.server == nil || time.Since(d.run.signalled) < time.Second {
		return nil
	}
	if d.run.asked.IsZero() {
		d.standStill(ctx)
		d.run.asked = time.Now()
	}
	signal := syscall.SIGTERM
	if time.Since(d.run.asked) > stopWithin {
		signal = syscall.SIGKILL
	}
	d.run.signalled = time.Now()
	if err := d.server.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return nil
}

// standStill makes the server accept nothing more, from whomever, and notes how far its data goes then. One that does
// not answer is stopped all the same, and where it ended is not known.
func (d *Driver) standStill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := d.replicate(ctx, nobodyHost, nobodyPort); err != nil {
		return
	}
	seen, err := ask(ctx, d.client)
	if err == nil && seen.isReplica() && !seen.Loading && d.run.history.is(seen) {
		d.run.end = d.run.history.at(seen)
	}
}

// command makes a command that no context ends: os/exec would have to wait for it, and only the reaper may (package
// process).
func command(path string, args ...string) *exec.Cmd {
	return exec.Command(path, args...) //nolint:noctx // see above
}

// program finds the server's program. An image has one of the two.
func (d *Driver) program() string {
	if d.options.Program != "" {
		return d.options.Program
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return "redis-server"
}
