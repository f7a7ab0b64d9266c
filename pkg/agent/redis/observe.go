// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// crashMemory is for how long the death of a server counts.
const crashMemory = time.Minute

// Observe looks at the volume and at the server. A server that does not answer, that loads, or that is going down is
// Running and not Accepting.
func (d *Driver) Observe(ctx context.Context, o *runbook.Observation) error {
	return d.observe(ctx, o, d.observeServer)
}

// observe looks at the volume, and leaves a server that runs to another look.
func (d *Driver) observe(
	ctx context.Context, o *runbook.Observation, look func(context.Context, *runbook.Observation),
) error {
	if err := d.volume.TryLock(); err != nil {
		return err
	}
	if err := d.bury(); err != nil {
		return err
	}
	seen, err := d.volume.observe()
	if err != nil {
		return err
	}
	o.Volume, o.Refused, o.Pending = seen, d.config.complaint, d.config.pending
	if d.server != nil {
		look(ctx, o)
	}
	d.crashes = slices.DeleteFunc(d.crashes, func(at time.Time) bool { return time.Since(at) > crashMemory })
	o.Crashes = len(d.crashes)
	return nil
}

// bury takes note of a server that has ended. A child of it may go on to write; until it is gone, the server is not.
func (d *Driver) bury() error {
	if d.server == nil || !d.server.Ended() {
		return nil
	}
	if err := d.volume.Evict(); err != nil {
		return err
	}
	r := d.run
	kept, err := d.keepEnd()
	if err != nil {
		return err
	}
	// A primary that was told to stop has crashed too when it has not kept what it acknowledged: its replicas may have.
	if r.asked.IsZero() || (r.leads && !kept) {
		d.crashes = append(d.crashes, time.Now())
	}
	if !r.accepted && r.asked.IsZero() {
		d.config.distrust()
	}
	d.server, d.run, d.config.pending = nil, run{}, nil
	return nil
}

// keepEnd notes how far the data of a server goes that was shut down, and says whether it could.
func (d *Driver) keepEnd() (kept bool, err error) {
	r, f := d.run, d.config.form()
	if clean := !r.asked.IsZero() && d.server.Err() == nil; !clean || f == formNothing {
		return false, nil
	}
	if r.end == nil || len(r.end.Lineage) == 0 { // it did not answer, or still waited for its first copy
		return false, nil
	}
	return true, d.volume.change(func(s *state) {
		s.Lineage, s.Position, s.Form = r.end.Lineage, r.end.Position, f
		s.Exact, s.Copying = true, false
	})
}

// observeServer looks at the server that runs.
func (d *Driver) observeServer(ctx context.Context, o *runbook.Observation) {
	claim := o.Volume.Point
	r := &d.run
	// A server that leads, or has resigned, has all that it acknowledged in its memory. When it dies that is gone.
	o.Volume.Standby = o.Volume.Standby && !r.leads
	o.Server = runbook.Server{Running: true, Primary: r.following, Receiving: r.following != ""}
	o.Volume.Exact = false
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if !r.asked.IsZero() {
		if err := d.Stop(ctx); err != nil { // it goes down, whatever it says, and however often it has to be told
			klog.FromContext(ctx).Error(err, "The server could not be told again to stop")
		}
		return
	}
	if !r.accepted && !d.listens(ctx) {
		return
	}
	seen, err := ask(ctx, d.client)
	if err != nil || seen.Loading {
		return // a server that starts refuses connections; that it does is what is observed
	}
	o.Server.Accepting, o.Server.InRecovery, o.Server.Version = true, seen.isReplica(), seen.Version
	known := r.recognise(seen, claim)
	o.Server.Timeline = r.history.lineage.Epoch()
	if r.following != "" {
		o.Server.Timeline = r.told.lineage.Epoch()
	}
	if !known {
		return // the primary has yet to tell what this history is
	}
	at := *r.history.at(seen)
	o.Volume.Point, o.Volume.Exact = at, seen.isReplica() && r.following == ""
	if seen.isReplica() {
		o.Server.Streaming, o.Server.Behind = seen.LinkUp, seen.Received-seen.Applied
	} else {
		d.observePrimary(o, seen)
	}
	if err := errors.Join(d.trust(), d.note(ctx, seen, at)); err != nil {
		klog.FromContext(ctx).Error(err, "What is on the disk could not be noted")
	}
}

// observePrimary looks at what only a primary has.
func (d *Driver) observePrimary(o *runbook.Observation, seen Info) {
	r := &d.run
	r.settled = r.settled || r.reached(d.options.Member, seen)
	o.Server.Enforced, o.Server.Attached = r.quorum, attached(seen)
	if r.settled {
		o.Server.Flushed = r.quorum
	}
	o.Tells = redis.PeerState{History: r.history.id, Base: r.history.base}.Encode()
}

// reached says whether the quorum has all that was acknowledged before it was put in force.
func (r *run) reached(member string, seen Info) bool {
	count, members := r.quorum.Others(member)
	for name, offset := range offsets(seen) {
		if slices.Contains(members, name) && offset >= r.barrier {
			count--
		}
	}
	return count <= 0
}

// nearlyLevel is how many bytes a replica may be behind and still count as level.
const nearlyLevel = 1 << 20

// attached are the members that receive changes and are level.
func attached(i Info) []string {
	found := lags(i)
	maps.DeleteFunc(found, func(_ string, l lag) bool { return l.bytes > nearlyLevel || l.seconds > 2 })
	return slices.Sorted(maps.Keys(found))
}

// offsets are how far the members said that they are.
func offsets(i Info) map[string]int64 {
	found := map[string]int64{}
	for name, l := range lags(i) {
		found[name] = i.Offset - l.bytes
	}
	return found
}
