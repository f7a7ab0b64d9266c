// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestAMemberIsRebuiltSimulated: it copies everything anew, once for each request, and has its vote again.
func TestAMemberIsRebuiltSimulated(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.await("a set of three", s.complete)
	s.fill(0, 10)
	rebuilt := s.another()
	s.plan.Rebuild = &engine.Rebuild{ID: "op", Member: rebuilt.name}
	s.await("the new copy", func() bool { return s.complete() && rebuilt.last.Volume.Rebuilt == "op" })
	steps := len(rebuilt.took)
	for range 5 {
		rebuilt.pass()
	}
	if len(rebuilt.took) != steps {
		t.Errorf("it took %v", rebuilt.took)
	}
	s.mustHave(10)
}
