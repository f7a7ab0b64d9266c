// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	_ "os"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestDeadline may read files and the clock.
func TestDeadline(t *testing.T) {
	if engine.Deadline(time.Hour).Before(time.Now()) {
		t.Error("in the past")
	}
}
