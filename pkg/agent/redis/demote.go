// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

const (
	// drainWithin is how long writes wait for the replicas to have everything, at most.
	drainWithin = 2 * time.Second
	// drainPause is the time between two looks.
	drainPause = 20 * time.Millisecond
	// pauseFor is how long clients wait at most when the agent dies in between.
	pauseFor = 4 * time.Second
)

// Demote makes the running primary a replica of nobody that has all it ever acknowledged, and its replicas too if they
// are level. Sessions of applications end, so that they come back by the Service.
func (d *Driver) Demote(ctx context.Context, plan engine.Plan) error {
	pause := d.client.Do(ctx, "CLIENT", "PAUSE", pauseFor.Milliseconds(), "WRITE")
	if err := pause.Err(); err != nil {
		return fmt.Errorf("holding up writes: %w", err)
	}
	d.drain(ctx)
	if err := d.replicate(ctx, nobodyHost, nobodyPort); err != nil {
		return err
	}
	d.users.closed = true
	if err := d.keepUsers(ctx, plan); err != nil {
		return err
	}
	if err := d.client.Do(ctx, "CLIENT", "UNPAUSE").Err(); err != nil {
		return fmt.Errorf("letting clients go on: %w", err)
	}
	return nil
}

// drain waits until all replicas that receive have everything. One that does not get there in time is not waited for;
// the election names nobody as successor who lacks anything.
func (d *Driver) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	ticker := time.NewTicker(drainPause)
	defer ticker.Stop()
	for {
		if seen, err := ask(ctx, d.client); err != nil || d.drained(ctx, seen) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// drained says whether all replicas that receive have everything. The server hears from them once a second, and asks
// for no more while it holds writes up; their agents can look at once.
func (d *Driver) drained(ctx context.Context, seen Info) bool {
	end := d.run.history.at(seen)
	for member, behind := range lags(seen) {
		if behind.bytes == 0 {
			continue
		}
		if reached, err := d.options.Reached(ctx, member); err != nil || reached.Compare(*end) < 0 {
			return false
		}
	}
	return true
}
