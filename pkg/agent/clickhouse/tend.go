// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Tend keeps the running server as the plan says: its settings and users first, since all else may depend on them.
func (d *Driver) Tend(ctx context.Context, plan engine.Plan, _ runbook.Observation) (t runbook.Tended, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	d.run.quiesced = time.Time{} // nobody wants it to rest any more
	if err := d.keepFiles(ctx, plan); err != nil {
		return t, err
	}
	t.Pending = d.config.pending
	if !d.run.lost.IsZero() {
		return t, nil // the schema cannot change, nor can anything be forgotten
	}
	if err := d.keepSchema(ctx, plan); err != nil {
		return t, err
	}
	if err := d.giveUp(ctx, plan); err != nil {
		return t, err
	}
	me, planned := plan.Member(d.options.Member)
	if !planned {
		return t, nil
	}
	return t, d.sweep(ctx, plan, me)
}
