// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// crashMemory is for how long the death of a server counts.
const crashMemory = time.Minute

// Observe looks at the volume and at the server. A server that does not answer yet is Running and not Accepting.
func (d *Driver) Observe(ctx context.Context, o *runbook.Observation) error {
	if err := d.takeVolume(); err != nil {
		return err
	}
	if err := d.bury(ctx); err != nil {
		return err
	}
	if rewound := d.replaced.Swap(nil); rewound != nil {
		d.rewound, d.end, d.exact = *rewound, 0, false // what was known was of other data
	}
	seen, err := d.volume.observe()
	if err != nil {
		return err
	}
	o.Volume, o.Refused, o.Pending = seen, d.config.complaint, d.pending
	d.crashes = slices.DeleteFunc(d.crashes, func(at time.Time) bool { return time.Since(at) > crashMemory })
	o.Crashes = len(d.crashes)
	if d.server != nil {
		d.observeServer(ctx, o)
	}
	o.Volume.Point.Position, o.Volume.Exact, o.Volume.Rewound = d.end, d.exact && seen.HasData, d.rewound
	return nil
}

// takeVolume takes the volume's lock, if nobody has it. Whoever has it is alone with the volume.
func (d *Driver) takeVolume() error {
	had := d.volume.Lock != nil
	if err := d.volume.TryLock(); err != nil || had || d.volume.Lock == nil {
		return err
	}
	return d.vacate()
}

// vacate removes the files by which a server says that it is there. A server that was killed leaves them behind, with a
// process number that in a new container soon is another's: a thread of the agent is enough [seen], and no server would
// start again. Nobody may call it who does not know that no server is left.
func (d *Driver) vacate() error {
	for _, stale := range []string{
		d.volume.file("postmaster.pid"), filepath.Join(d.db.directory, ".s.PGSQL.5432.lock"),
	} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing what a killed server left: %w", err)
		}
	}
	return nil
}

// bury takes note of a server that has ended. Its sessions may outlive the postmaster, and go on to acknowledge; until
// they are gone too, it has not.
func (d *Driver) bury(ctx context.Context) error {
	if d.server == nil || !d.server.Ended() {
		return nil
	}
	if err := errors.Join(d.volume.Evict(), d.vacate()); err != nil {
		return err
	}
	d.db.close()
	if !d.asked {
		d.crashes = append(d.crashes, time.Now())
	}
	if d.chores.primary || d.following != "" {
		d.exact = false
	}
	if d.chores.primary && d.server.Err() == nil {
		if c, err := d.readControl(ctx); err == nil {
			d.end, d.exact = c.cleanEnd()
		}
	}
	d.server, d.following, d.quorum, d.pending, d.chores = nil, "", engine.Quorum{}, nil, chores{}
	return nil
}

// observeServer looks at the server that runs.
func (d *Driver) observeServer(ctx context.Context, o *runbook.Observation) {
	d.finish(ctx)
	o.Server = runbook.Server{Running: true, Primary: d.following, Receiving: d.following != ""}
	s, err := d.db.state(ctx, d.epoch)
	if err != nil {
		return // a server that starts refuses connections; that it does is what is observed
	}
	if o.Volume.Broken && d.rewound != "" && d.volume.unmark(brokenMarker) == nil {
		d.rewound, o.Volume.Broken = "", false // it came up on what the rewind made
	}
	d.chores.primary = !s.inRecovery
	o.Server.Accepting, o.Server.InRecovery, o.Server.Streaming = true, s.inRecovery, s.streaming
	o.Server.Receiving = s.receiving || d.following != ""
	o.Server.Timeline, o.Server.Behind, o.Server.Version = s.timeline, s.behind, s.version
	o.Server.Enforced, o.Server.Flushed, o.Server.Attached = d.quorum, d.flushed(), s.attached
	d.end, d.exact = s.position, s.inRecovery && d.following == "" && !s.receiving && (d.exact || s.exhausted)
	if d.exact {
		d.end = s.replayed
	}
	oldest, err := d.db.oldest(ctx)
	if err != nil {
		return
	}
	o.Tells = postgresql.PeerState{
		Oldest: oldest, Checkpointed: !s.inRecovery && s.timeline == s.checkpointTimeline, Slots: s.slots,
	}.Encode()
}

// flushed is the last quorum that flushed a barrier. One that the primary is alone in needs none: it flushes before it
// acknowledges.
func (d *Driver) flushed() engine.Quorum {
	if d.quorum.Count <= 1 {
		return d.quorum
	}
	return d.chores.flushed
}
