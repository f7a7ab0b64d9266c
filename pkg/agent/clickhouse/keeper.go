// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// KeeperDriver runs a keeper on one volume: ClickHouse Keeper or ZooKeeper, as the plan's version has it. The keepers
// elect among themselves, and nothing is done to them but to start and to stop them.
type KeeperDriver struct {
	tenant
	options Options
	words   words
	// started are the files that the server was started with, certificates a hash of the certificates of then.
	started      map[string]string
	certificates [hashSize]byte
	pending      []string
	// lost is since when it sees no majority, zero while it does.
	lost time.Time
	// kind is which keeper it is, for a scrape, which comes at any time.
	kind atomic.Pointer[clickhouse.Keeper]
}

// NewKeeper returns a KeeperDriver whose server is down.
func NewKeeper(o Options) *KeeperDriver {
	return &KeeperDriver{
		tenant:  tenant{volume: volume{volumes.Volume{Root: o.Root}}, reaper: o.Reaper},
		options: o, words: words{dial: o.Dial, certificates: o.CertificateDirectory},
	}
}

// Observe looks at the volume and at the keeper. One that sees no quorum is Running and not Accepting.
func (d *KeeperDriver) Observe(ctx context.Context, o *runbook.Observation) error {
	if _, err := d.observe(d.options.Member, o); err != nil {
		return err
	}
	d.kind.Store(new(keeperOf(o.Plan)))
	o.Pending = d.pending
	if d.server == nil {
		return nil
	}
	if !d.asked.IsZero() {
		if err := d.stop(); err != nil {
			klog.FromContext(ctx).Error(err, "The keeper could not be told again to stop")
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	seen, err := d.words.state(ctx, keeperOf(o.Plan), local, localhost)
	if err != nil {
		return nil // one that starts refuses connections; that it does is what is observed
	}
	if !seen.Serving() {
		o.Problem = d.waiting()
		return nil
	}
	d.lost = time.Time{}
	if err := d.volume.join(); err != nil {
		return err
	}
	o.Server.Accepting, o.Server.Version = true, seen.Version
	o.Server.InRecovery, o.Server.Streaming = !seen.Leads(), true
	if seen.Leads() && keeperOf(o.Plan) != clickhouse.ZooKeeper {
		o.Server.Attached = d.followers(ctx, o.Plan)
	}
	return nil
}

// waiting is the problem of a keeper that sees no majority. For a moment that is so at each start and each election,
// and as long as it takes while the cluster is being born.
func (d *KeeperDriver) waiting() *engine.Problem {
	if d.lost.IsZero() {
		d.lost = time.Now()
	}
	if time.Since(d.lost) < lostFor || !d.volume.joined() {
		return nil
	}
	return &engine.Problem{
		Reason: v1alpha1.ReasonWaitingForQuorum, Message: "this keeper sees no majority of the keepers",
	}
}

// followers are the other keepers, if any of them is level with this one and can lead in its place: who it is the
// keepers know. A ZooKeeper has no way to hand over, so that it is not asked.
func (d *KeeperDriver) followers(ctx context.Context, plan engine.Plan) (names []string) {
	lines, err := d.monitor(ctx)
	if err != nil || lines["zk_synced_followers"] < 1 {
		return nil
	}
	for _, k := range plan.Ensemble() {
		if k.Name != d.options.Member {
			names = append(names, k.Name)
		}
	}
	return names
}

// Do carries out a step.
func (d *KeeperDriver) Do(ctx context.Context, t runbook.Task) error {
	switch t.Kind {
	case runbook.StepInitialise:
		return d.initialise(t.Plan)
	case runbook.StepStartPrimary, runbook.StepStartReplica:
		return d.begin(t.Plan)
	case runbook.StepHandOver:
		return d.yield(ctx, t.Plan)
	case runbook.StepStopServer:
		return d.stop()
	case runbook.StepWait, runbook.StepExit, runbook.StepTend, runbook.StepQuiesce, runbook.StepClone,
		runbook.StepRewind, runbook.StepDemote, runbook.StepFollow, runbook.StepPromote, runbook.StepEnforce:
	}
	return fmt.Errorf("step %s is not the driver's", t.Kind)
}

// initialise makes the directory of a keeper that knows nothing yet: what was agreed on comes from the others.
func (d *KeeperDriver) initialise(plan engine.Plan) error {
	me, planned := plan.Member(d.options.Member)
	if !planned {
		return fmt.Errorf("%s is no member of the plan", d.options.Member)
	}
	return d.volume.initialise(plan, me)
}

// begin starts the keeper.
func (d *KeeperDriver) begin(plan engine.Plan) error {
	files, err := clickhouse.KeeperFiles(plan, d.options.Member)
	if err != nil {
		return err
	}
	if err := write(d.options.ConfigDirectory, files); err != nil {
		return err
	}
	directory := filepath.Join(d.volume.data(), filepath.Base(clickhouse.KeeperDirectory))
	if err := os.MkdirAll(directory, dataMode); err != nil {
		return fmt.Errorf("making the keeper's directory: %w", err)
	}
	d.started, d.certificates, d.pending = files, certificates(d.options.CertificateDirectory), nil
	d.lost = time.Time{}
	if keeperOf(plan) == clickhouse.ZooKeeper {
		return d.beginZooKeeper(directory)
	}
	return d.start(command(found("clickhouse-keeper"),
		"--config-file="+filepath.Join(d.options.ConfigDirectory, clickhouse.KeeperFile)))
}

// beginZooKeeper starts a ZooKeeper, which finds its number in its data.
func (d *KeeperDriver) beginZooKeeper(directory string) error {
	number := strconv.Itoa(clickhouse.KeeperID(d.options.Member))
	identity := filepath.Join(directory, filepath.Base(clickhouse.ZooKeeperIdentityFile))
	if err := volumes.WriteDurably(identity, []byte(number)); err != nil {
		return err
	}
	return d.start(command(found("java"),
		"@"+filepath.Join(d.options.ConfigDirectory, clickhouse.ZooKeeperOptionsFile),
		"-cp", zooKeeperClasses(cmp.Or(d.options.Classes, javaDirectory)),
		"org.apache.zookeeper.server.quorum.QuorumPeerMain",
		filepath.Join(d.options.ConfigDirectory, clickhouse.ZooKeeperFile)))
}

// yield lets another keeper lead before this one ends: an election that begins when a leader is gone takes longer.
func (d *KeeperDriver) yield(ctx context.Context, plan engine.Plan) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer, err := d.words.ask(ctx, keeperOf(plan), local, localhost, "ydld")
	if err == nil && !strings.HasPrefix(answer, "Sent") {
		err = fmt.Errorf("the keeper does not give up leading: %q", brief(answer))
	}
	return err
}

// Tend takes note of what waits for a restart: a keeper reads its files at its start, and the others are in them.
func (d *KeeperDriver) Tend(_ context.Context, plan engine.Plan, _ runbook.Observation) (runbook.Tended, error) {
	wanted, err := clickhouse.KeeperFiles(plan, d.options.Member)
	if err != nil {
		return runbook.Tended{}, err
	}
	d.pending = nil
	if !maps.Equal(wanted, d.started) {
		d.pending = []string{"keeper"}
	}
	dialect, _ := clickhouse.DialectOf(plan.Build)
	secured := dialect.Keeper != clickhouse.ZooKeeper && !dialect.ReloadsCertificates
	if secured && d.certificates != certificates(d.options.CertificateDirectory) {
		d.pending = append(d.pending, certificatesPending)
	}
	return runbook.Tended{Pending: d.pending}, nil
}
