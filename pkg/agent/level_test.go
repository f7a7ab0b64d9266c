// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"
)

func TestLevelHasHysteresis(t *testing.T) {
	t.Parallel()
	var l level
	start := time.Unix(1000, 0)
	for _, reading := range []struct {
		second  float64
		isLevel bool
		want    bool
		why     string
	}{
		{0, false, false, "a replica that was never level is not caught up"},
		{1, true, true, "the first time counts at once"},
		{2, false, true, "behind for a moment is still caught up"},
		{3, true, true, "and level again"},
		{4, false, true, "behind"},
		{13.9, false, true, "for less than 10 s"},
		{14, false, false, "for 10 s"},
		{15, true, false, "level for a moment is not enough a second time"},
		{17.9, true, false, "nor for less than 3 s"},
		{18, true, true, "3 s are"},
	} {
		now := start.Add(time.Duration(reading.second * float64(time.Second)))
		if got := l.observeAt(reading.isLevel, now); got != reading.want {
			t.Errorf("second %v: caught up is %v, want %v: %s", reading.second, got, reading.want, reading.why)
		}
	}
}
