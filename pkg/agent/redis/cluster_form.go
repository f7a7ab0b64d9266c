// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// formChange is a change of the form of the data that is under way.
type formChange struct {
	to form
	// saves is how many snapshots there were before.
	saves int64
}

// keepForm notes in which form the data is on the disk, once it is: a server that starts with another form starts with
// nothing.
func (d *ClusterDriver) keepForm(ctx context.Context, _ engine.Plan) error {
	s, _, err := d.volume.state()
	to := d.config.form()
	if err != nil || s.Form == to {
		return err
	}
	seen, err := ask(ctx, d.client)
	if err != nil {
		return err
	}
	written := true
	switch {
	case to == formLog:
		written = seen.Appends && seen.WriteOK && seen.RewriteOK && !rewriting(seen)
	case to == formSnapshot && d.form.to != to:
		written, d.form = false, formChange{to: to, saves: seen.Saves}
		if err := d.client.BgSave(ctx).Err(); err != nil {
			return fmt.Errorf("asking for a snapshot: %w", err)
		}
	case to == formSnapshot:
		written = mark{saves: d.form.saves}.inSnapshot(seen)
	}
	if !written {
		return nil
	}
	if to != formNothing {
		if err := d.volume.flush(to); err != nil {
			return err
		}
	}
	d.form = formChange{}
	return d.volume.change(func(s *state) { s.Form = to })
}
