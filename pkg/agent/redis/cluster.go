// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// nodesFile is what a server knows of its cluster, and its own ID in it. It lies beside the data directory: what a
// server knows outlives data that it is told not to keep.
const nodesFile = "nodes.conf"

// ClusterDriver runs one server of a Redis Cluster. Server, configuration and users are a Driver's; who is whose
// replica the servers find out by themselves, as far as Cluster.Moves leaves it to them.
type ClusterDriver struct {
	*Driver
	reach reach
	// view is the cluster as the server saw it last.
	view redis.Cluster
	// led says that the server was primary when it was seen last, lost is when it was seen to be it no more.
	led  bool
	lost time.Time
	// served is the last server that said that its cluster serves.
	served *process.Process
	// rest is what a primary that died waits for.
	rest rest
	form formChange
}

// NewCluster returns a ClusterDriver whose server is down.
func NewCluster(o Options) *ClusterDriver {
	o.Clustered = true
	d := &ClusterDriver{Driver: New(o), rest: rest{began: time.Now()}}
	d.reach = reach{certificates: o.CertificateDirectory, password: d.replicationPassword, dial: o.Dial}
	return d
}

// Observe looks at the volume, and at the server and what that sees of its cluster.
func (d *ClusterDriver) Observe(ctx context.Context, o *runbook.Observation) error {
	ran := d.server != nil
	if err := d.observe(ctx, o, d.observeNode); err != nil {
		return err
	}
	if ran && d.server == nil {
		d.rest = rest{began: time.Now(), left: d.rest.left}
	}
	return d.observeRest(ctx, o)
}

// observeNode looks at the server that runs.
func (d *ClusterDriver) observeNode(ctx context.Context, o *runbook.Observation) {
	o.Server = runbook.Server{Running: true}
	if !d.run.asked.IsZero() {
		return // it goes down, whatever it says
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if !d.run.accepted && !d.listens(ctx) {
		return
	}
	seen, err := ask(ctx, d.client)
	if err != nil || seen.Loading || d.look(ctx, o.Plan, o.Volume.HasData) != nil || d.trust() != nil {
		return // that it does not take connections is what is observed
	}
	d.describe(ctx, o, seen)
}

// describe puts what the server tells into the observation.
func (d *ClusterDriver) describe(ctx context.Context, o *runbook.Observation, seen Info) {
	if seen.isReplica() && !seen.LinkUp {
		d.view.Missed = seen.PrimaryHost
	}
	leads := d.view.Joined && d.view.Leads() && d.serves(ctx)
	if d.led && !leads {
		d.lost = time.Now()
	}
	d.led = leads
	s := &o.Server
	s.Accepting, s.InRecovery, s.Version = true, !leads, seen.Version
	if leads {
		s.Term, s.Enforced, s.Attached = d.view.Myself().Epoch, d.run.quorum, attached(seen)
		d.rest.left = redis.Estate{History: seen.ReplicationID, Level: s.Attached}
		s.Empty, s.Settling = len(d.view.Myself().Slots) == 0, d.settling()
	} else if seen.isReplica() {
		s.Streaming, s.Behind = d.view.Joined && seen.LinkUp && !seen.Syncing, seen.Received-seen.Applied
	}
	o.Drained = d.view.Drained() && keysIn(seen) == 0
}

// settling says that another was elected in the place of this one a moment ago. Others vote for such a one once in
// twice the node timeout, and it stands itself once in four times that, however it is asked [seen]: a handover in
// that time fails after 5 s in which nobody writes.
func (d *ClusterDriver) settling() bool { return time.Since(d.lost) < 4*redis.NodeTimeout }

// serves says that the server has found its cluster since its start: until then it refuses whatever it is asked for.
// That another shard is down later is no reason to take the label from this one.
func (d *ClusterDriver) serves(ctx context.Context) bool {
	if d.served != d.server {
		if said, err := d.client.ClusterInfo(ctx).Result(); err == nil && strings.Contains(said, "cluster_state:ok") {
			d.served = d.server
		}
	}
	return d.served == d.server
}

func keysIn(i Info) (n int64) {
	for _, database := range i.Databases {
		n += database.Keys
	}
	return n
}

// look asks the server what it sees of its cluster.
func (d *ClusterDriver) look(ctx context.Context, plan engine.Plan, joined bool) error {
	nodes, err := nodesOf(ctx, d.client)
	if err != nil {
		return err
	}
	d.view = redis.Cluster{Member: d.options.Member, Plan: plan, Joined: joined, Nodes: nodes}
	return nil
}

// Do carries out a step.
func (d *ClusterDriver) Do(ctx context.Context, t runbook.Task) error {
	switch t.Kind {
	case runbook.StepInitialise:
		return d.prepare(t.Plan)
	case runbook.StepStartReplica:
		// From here on it may acknowledge what the disk has not.
		if err := d.volume.change(func(s *state) { s.Exact = false }); err != nil {
			return err
		}
		return d.start(ctx, t.Plan)
	case runbook.StepHandOver:
		if t.Observation.Volume.Resting {
			return d.bequeath(ctx, t)
		}
		return d.handOver(ctx, t)
	case runbook.StepStopServer:
		if err := d.Stop(ctx); err != nil {
			return err
		}
		d.run.end = &engine.Point{} // a server that ends when it is asked to has written everything
		return nil
	default:
		return fmt.Errorf("step %s is not the driver's", t.Kind)
	}
}

// prepare makes an empty directory, in which a server starts that belongs to no cluster.
func (d *ClusterDriver) prepare(plan engine.Plan) error {
	if err := d.volume.clear(); err != nil {
		return err
	}
	return d.volume.remember(state{Form: formOf(wanted(plan)), Copying: true})
}

// handOverWithin is how long a handover may take: the server itself gives up 5 s after it was asked.
const handOverWithin = levelWithin + 6*time.Second

// handOver has a replica take over from this primary with all that it has (CLUSTER FAILOVER), and waits until it did.
func (d *ClusterDriver) handOver(ctx context.Context, t runbook.Task) error {
	ctx, cancel := context.WithTimeout(ctx, handOverWithin)
	defer cancel()
	target, err := d.awaitHeir(ctx, t)
	if err != nil {
		return err
	}
	member, planned := t.Plan.Member(target)
	if !planned {
		return fmt.Errorf("%s is no member", target)
	}
	client, err := d.reach.to(member)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := client.ClusterFailover(ctx).Err(); err != nil {
		return fmt.Errorf("asking %s to take over: %w", target, err)
	}
	ticker := time.NewTicker(drainPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not take over in time", target)
		case <-ticker.C:
		}
		if seen, err := ask(ctx, d.client); err == nil && seen.isReplica() {
			return nil
		}
	}
}

// levelWithin is for how long a handover waits for a replica that is level: one that has just come back is soon.
const levelWithin = 3 * time.Second

func (d *ClusterDriver) awaitHeir(ctx context.Context, t runbook.Task) (string, error) {
	ticker := time.NewTicker(drainPause)
	defer ticker.Stop()
	for began := time.Now(); ; {
		target, err := d.heir(ctx, t.Plan, t.Primary)
		if err == nil || time.Since(began) > levelWithin {
			return target, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-ticker.C:
		}
	}
}

// heir is the replica that is to take over: the one that is named, if it is level, or else the one that is furthest.
func (d *ClusterDriver) heir(ctx context.Context, plan engine.Plan, named string) (string, error) {
	seen, err := ask(ctx, d.client)
	if err != nil {
		return "", err
	}
	if err := d.look(ctx, plan, d.view.Joined); err != nil {
		return "", err
	}
	best, found := "", lags(seen)
	maps.DeleteFunc(found, func(member string, _ lag) bool {
		return !d.view.Followed(member) || !d.electable(ctx, plan, member)
	})
	for member, l := range found {
		if l.bytes <= nearlyLevel && (best == "" || l.bytes < found[best].bytes) {
			best = member
		}
	}
	switch l, receives := found[named]; {
	case named == "" && best == "":
		return "", errors.New("no replica is level")
	case named == "":
		return best, nil
	case !receives || l.bytes > nearlyLevel:
		return "", fmt.Errorf("%s is not level", named)
	}
	return named, nil
}
