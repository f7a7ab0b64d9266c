// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"slices"
	"testing"
)

// TestOnlyTheLastMomentsAreExcused judges writes of a primary that acknowledged for eleven seconds, and of the next.
func TestOnlyTheLastMomentsAreExcused(t *testing.T) {
	t.Parallel()
	early, late := ack(0, 1, "a", 0, 5), ack(0, 2, "a", 10_995, 11_000)
	next := ack(0, 3, "b", 12_000, 12_005)
	history := []write{early, late, next}
	for name, test := range map[string]struct {
		engine *engine
		fault  fault
		kept   write
		want   []write
	}{
		"an engine that waits for its replicas":      {postgresql, fault{}, write{}, nil},
		"that engine, told not to wait":              {postgresql, fault{mayLose: true}, write{}, []write{late, next}},
		"an engine that does not wait":               {redis, fault{}, write{}, []write{late, next}},
		"what every member had":                      {redis, fault{}, late, []write{next}},
		"the primary was asked to go":                {redis, fault{planned: true}, write{}, []write{next}},
		"the primary had no reason to go":            {redis, fault{stays: true}, write{}, []write{next}},
		"the primary was frozen long before its end": {redis, fault{freezes: true}, write{}, []write{early, late, next}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := &trial{
				database: &database{engine: test.engine}, fault: &test.fault, former: "a", struck: at(100),
				kept: map[key]bool{{test.kept.Session, test.kept.Seq}: true},
			}
			excused := trial.excuses(history)
			var got []write
			for _, w := range history {
				if excused(w) {
					got = append(got, w)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("excused %v, want %v", got, test.want)
			}
		})
	}
}
