// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// breakage is something that is broken on purpose.
type breakage string

const (
	brokenPromise breakage = "a voter goes on receiving"
	brokenGuard   breakage = "nothing kills the engine when the deadline passes"
	brokenQuorum  breakage = "candidates believe that every write is everywhere"
	brokenLineage breakage = "timeline numbers are compared, not epochs"
	brokenExact   breakage = "positions count before they are known"
)

// relate is Point.Relate.
func (w *world) relate(p engine.Point, primary engine.Lineage) engine.Relation {
	return p.Relate(primary)
}
