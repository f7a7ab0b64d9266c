// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// raiseToPrimary finds out which parameters the primary has higher than the plan, since a replica that has one of them
// lower does not start (https://www.postgresql.org/docs/17/hot-standby.html, section Administrator's Overview). The log
// of the primary brings them into the control file. They are lowered on the primary first.
func (d *Driver) raiseToPrimary(ctx context.Context, plan engine.Plan) error {
	if time.Since(d.chores.control) < slotsEvery {
		return nil
	}
	d.chores.control = time.Now()
	c, err := d.readControl(ctx)
	if err != nil {
		return err
	}
	needed := map[string]string{}
	for _, name := range postgresql.StandbyParameters {
		if value, known := c[name+" setting"]; known {
			needed[name] = value
		}
	}
	d.config.raised = postgresql.Raise(plan.Files[postgresql.ConfigFile], needed)
	return nil
}
