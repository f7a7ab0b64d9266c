// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// ack is a write that was sent and acknowledged at milliseconds of a made-up history.
func ack(session int, seq int64, primary string, begun, ended int) write {
	return write{
		Session: session, Seq: seq, Outcome: acked, Primary: primary,
		Begun: at(begun), Ended: at(ended),
	}
}

func at(ms int) instant { return instant(ms) * instant(time.Millisecond) }

// healthy is a failover as it should be: a gap, one write of unknown outcome, one that was refused. The rows were read
// earlier too, before the last write.
func healthy() ([]write, []row, reading) {
	history := []write{
		ack(0, 1, "a", 0, 5), ack(1, 1, "a", 3, 8), ack(0, 2, "a", 10, 15),
		{Session: 1, Seq: 2, Outcome: unknown}, {Session: 0, Seq: 3, Outcome: refused},
		ack(1, 3, "b", 900, 950), ack(0, 4, "b", 960, 970),
	}
	rows := []row{{0, 1, 1}, {1, 1, 2}, {0, 2, 3}, {1, 2, 4}, {1, 3, 33}, {0, 4, 34}}
	return history, rows, reading{at(955), slices.Clone(rows[:5])}
}

func TestCheckAllowsAFailoverAsItShouldBe(t *testing.T) {
	t.Parallel()
	if f := check(healthy()); !reflect.DeepEqual(f, findings{}) {
		t.Errorf("found %+v", f)
	}
}

// TestCheckFindsEachViolation breaks the healthy history in every way, each of which must be found, and nothing else.
func TestCheckFindsEachViolation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*[]write, *[]row, *reading)
		want  func(findings) int
		late  bool // allowed to a fault that freezes
	}{
		"back from the dead": {
			func(_ *[]write, _ *[]row, e *reading) { e.rows = e.rows[1:] },
			func(f findings) int { return len(f.Risen) }, false,
		},
		"lost": {
			func(_ *[]write, r *[]row, _ *reading) { *r = (*r)[1:] }, func(f findings) int { return len(f.Lost) }, false,
		},
		"duplicated": {
			func(_ *[]write, r *[]row, _ *reading) { *r = append(*r, row{0, 4, 35}) },
			func(f findings) int { return len(f.Duplicated) }, false,
		},
		"acknowledged by the old primary beside the new one": {
			func(h *[]write, r *[]row, _ *reading) {
				*h, *r = append(*h, ack(2, 1, "a", 951, 960)), append(*r, row{2, 1, 40})
			},
			func(f findings) int { return len(f.Overlaps) }, false,
		},
		"acknowledged by the old primary after a thaw": {
			func(h *[]write, r *[]row, _ *reading) {
				*h, *r = append(*h, ack(2, 1, "a", 12, 960)), append(*r, row{2, 1, 5})
			},
			func(f findings) int { return len(f.Late) }, true,
		},
		"out of order": {
			func(_ *[]write, r *[]row, _ *reading) { (*r)[5].Placed = 2 },
			func(f findings) int { return len(f.Disordered) }, false,
		},
		"refused and yet there": {
			func(_ *[]write, r *[]row, _ *reading) { *r = append(*r, row{0, 3, 5}) },
			func(f findings) int { return len(f.Unasked) }, false,
		},
		"never sent": {
			func(_ *[]write, r *[]row, _ *reading) { *r = append(*r, row{7, 1, 5}) },
			func(f findings) int { return len(f.Unasked) }, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			history, rows, earlier := healthy()
			test.spoil(&history, &rows, &earlier)
			f := check(history, rows, earlier)
			all := len(f.Lost) + len(f.Duplicated) + len(f.Overlaps) + len(f.Late) + len(f.Disordered) + len(f.Unasked) +
				len(f.Risen)
			if test.want(f) != 1 || all != 1 {
				t.Errorf("found %+v", f)
			}
			if f.err(false) == nil || (f.err(true) == nil) != test.late {
				t.Errorf("strict: %v; when answers may be late: %v", f.err(false), f.err(true))
			}
		})
	}
}

func TestLongestGapIsThatAroundTheFault(t *testing.T) {
	t.Parallel()
	history, _, _ := healthy()
	for name, test := range map[string]struct {
		from, end instant
		sessions  int
		want      int // milliseconds
	}{
		"over the fault":              {at(20), at(971), 2, 935},
		"to the end":                  {at(20), at(2950), 2, 1980},
		"a session that is not asked": {at(20), at(971), 1, 955},
		"after it":                    {at(950), at(971), 2, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := longestGap(history, test.sessions, test.from, test.end)
			if want := time.Duration(test.want) * time.Millisecond; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
