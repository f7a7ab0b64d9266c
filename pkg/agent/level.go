// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"reflect"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

const (
	// nearlyLevel is how many bytes a replica may have received and not yet applied and still count as level: one WAL
	// segment.
	nearlyLevel = 16 << 20
	// behindFor and levelFor are the hysteresis of CaughtUp: a replica that is behind for a moment stays caught up, one
	// that is level for a moment does not become it, so that Services and status do not flicker.
	behindFor = 10 * time.Second
	levelFor  = 3 * time.Second
)

// level is whether a replica is caught up, with hysteresis. The first time counts at once: a new replica has nothing to
// flicker with.
type level struct {
	caughtUp bool
	ever     bool
	since    time.Time // since when the reading differs from caughtUp
}

// observe takes one reading.
func (l *level) observe(isLevel bool) bool { return l.observeAt(isLevel, time.Now()) }

func (l *level) observeAt(isLevel bool, now time.Time) bool {
	if isLevel == l.caughtUp {
		l.since = time.Time{}
		return l.caughtUp
	}
	if l.since.IsZero() {
		l.since = now
	}
	patience := behindFor
	if isLevel {
		patience = levelFor
	}
	if (isLevel && !l.ever) || now.Sub(l.since) >= patience {
		l.caughtUp, l.ever, l.since = isLevel, l.ever || isLevel, time.Time{}
	}
	return l.caughtUp
}

// same says whether two reports mean the same.
func same(a, b engine.MemberReport) bool { return reflect.DeepEqual(a, b) }

// worthSaying leaves out what only says that the member is on its way: each report is a write, and a pod that starts
// has a status of its own.
func worthSaying(r engine.MemberReport) bool {
	return r.Role != v1alpha1.RoleUnknown || r.Problem != nil
}
