// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// Observe looks at the volume and at the server. A server that does not answer yet is Running and not Accepting.
func (d *Driver) Observe(ctx context.Context, o *postgresql.Observation) error {
	if err := d.volume.tryLock(); err != nil {
		return err
	}
	seen, err := d.volume.observe()
	if err != nil {
		return err
	}
	o.Volume, o.Refused = seen, d.config.complaint
	if d.server == nil {
		return nil
	}
	select {
	case <-d.server.Done():
		d.db.close()
		d.server, d.following, d.settled = nil, "", settled{}
		return nil
	default:
	}
	o.Server = postgresql.Server{Running: true, Primary: d.following}
	s, err := d.db.state(ctx)
	if err != nil {
		return nil //nolint:nilerr // a server that starts refuses connections; that it does is what is observed
	}
	o.Server.Accepting, o.Server.InRecovery, o.Server.Streaming = true, s.inRecovery, s.streaming
	o.Server.Timeline, o.Server.Position, o.Server.Behind = s.timeline, s.position, s.behind
	o.Server.Version = s.version
	o.Server.Settled = s.inRecovery && d.following == "" && d.settled.observe(s.position, time.Now())
	return nil
}

// settled tells when the position of a server that receives from nobody stands still, and so all that it has is
// applied.
type settled struct {
	position uint64
	since    time.Time
}

// settledAfter is how long the position must stand still. One slow record must not look like the end: the vote would be
// for older data than there is.
const settledAfter = 1500 * time.Millisecond

func (s *settled) observe(position uint64, now time.Time) bool {
	if position != s.position || s.since.IsZero() {
		s.position, s.since = position, now
	}
	return now.Sub(s.since) >= settledAfter
}
