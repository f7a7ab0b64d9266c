// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Stories are schedules that are written by hand, one for each way to lose data that the protocol names. Each is told
// with several seeds: what happens is the same, when it happens is not.

const (
	majority = v1alpha1.DurabilityMajority
	relaxed  = v1alpha1.DurabilityRelaxed
)

// tell tells a story of three members. At its end nothing may be wrong.
func tell(t *testing.T, d v1alpha1.Durability, story func(w *world)) {
	t.Helper()
	tellOf(t, scenario{members: 3, durability: d}, story)
}

func tellOf(t *testing.T, s scenario, story func(w *world)) {
	t.Helper()
	for seed := range uint64(tellings) {
		s.seed, s.tracing = seed, true
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(s)
			story(w)
			w.end()
			if w.wrong != "" {
				t.Fatalf("seed %d: %s\n%s", seed, w.wrong, w.tale())
			}
		})
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.run(w.now+d, nil) }

// settle waits until the cluster is whole, and gives its primary.
func (w *world) settle() *member {
	w.expectHealth()
	return w.primary()
}

// others are the members beside one.
func (w *world) others(m *member) (others []*member) {
	for _, other := range w.members {
		if other != m {
			others = append(others, other)
		}
	}
	return others
}

// await waits for something that must happen, and tells how long it took.
func (w *world) await(within time.Duration, what string, done func() bool) time.Duration {
	began := w.now
	w.run(began+within, done)
	if !done() {
		w.violated("%s did not happen within %s", what, within)
	}
	return w.now - began
}

// newPrimary waits until another member than this one accepts writes.
func (w *world) newPrimary(than *member, within time.Duration) *member {
	var found *member
	w.await(within, "another primary than "+than.name, func() bool {
		for _, m := range w.others(than) {
			if m.life != nil && m.life.process != nil && m.life.process.primary {
				found = m
			}
		}
		return found != nil
	})
	if found == nil {
		return w.others(than)[0]
	}
	return found
}

// expect notes when something is not as it should be.
func (w *world) expect(is bool, format string, args ...any) {
	if !is {
		w.violated(format, args...)
	}
}

// lastAck is when a life last acknowledged a write.
func (w *world) lastAck(l *life) (at time.Duration) {
	for _, a := range w.judge.acks {
		if a.by == l {
			at = a.at
		}
	}
	return at
}
