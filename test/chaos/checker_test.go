// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one row as the database has it after a trial.
type row struct {
	Session int
	Seq     int64
	// Placed is the number that the database gave the row when it was inserted.
	Placed int64
}

// key names a write: a session never uses a number twice.
type key struct {
	session int
	seq     int64
}

// findings are what the history and the rows contradict each other in. Each entry describes one case.
type findings struct {
	// Lost were acknowledged and are not there.
	Lost []write
	// Duplicated are there more than once.
	Duplicated []string
	// Overlaps were acknowledged by one primary although a later one had acknowledged already.
	Overlaps []string
	// Late are overlaps of writes that were sent before the later primary's first acknowledgement: the answer was under
	// way when its server froze. Such a write took effect before the other primary began, or it is lost too.
	Late []string
	// Disordered were placed before a write that had been acknowledged to the same session earlier.
	Disordered []string
	// Unasked are rows whose write was refused, or that nobody sent.
	Unasked []string
	// Risen were acknowledged, were not there any more when the fault had been overcome, and are there again.
	Risen []string
}

// reading is what the primary had at an earlier time.
type reading struct {
	// begun is when it was read.
	begun instant
	rows  []row
}

// check compares what clients saw with what the surviving primary has, and with what it had earlier.
func check(history []write, rows []row, earlier reading) findings {
	var f findings
	placed := map[key]int64{}
	for _, r := range rows {
		k := key{r.Session, r.Seq}
		if _, ok := placed[k]; ok {
			f.Duplicated = append(f.Duplicated, fmt.Sprintf("session %d row %d", r.Session, r.Seq))
			continue
		}
		placed[k] = r.Placed
	}
	f.presence(history, placed)
	f.resurrection(history, placed, earlier)
	f.overlaps(history)
	f.order(history, placed)
	return f
}

// presence finds acknowledged writes without a row and rows without a write.
func (f *findings) presence(history []write, placed map[key]int64) {
	asked := map[key]bool{}
	for _, w := range history {
		k := key{w.Session, w.Seq}
		asked[k] = w.Outcome != refused
		if _, there := placed[k]; w.Outcome == acked && !there {
			f.Lost = append(f.Lost, w)
		}
	}
	for k := range placed {
		if !asked[k] {
			f.Unasked = append(f.Unasked, fmt.Sprintf("session %d row %d", k.session, k.seq))
		}
	}
	slices.Sort(f.Unasked)
}

// resurrection finds what was lost for a while.
func (f *findings) resurrection(history []write, placed map[key]int64, earlier reading) {
	had := map[key]bool{}
	for _, r := range earlier.rows {
		had[key{r.Session, r.Seq}] = true
	}
	for _, w := range history {
		k := key{w.Session, w.Seq}
		_, there := placed[k]
		if w.Outcome == acked && w.Ended < earlier.begun && there && !had[k] {
			f.Risen = append(f.Risen, w.String())
		}
	}
}

// overlaps finds acknowledgements by a primary after a later primary's first one.
func (f *findings) overlaps(history []write) {
	tenures := tenures(history)
	for i, t := range tenures[:max(0, len(tenures)-1)] {
		next := tenures[i+1]
		for _, w := range t.acks {
			switch begin := next.acks[0].Ended; {
			case w.Ended <= begin:
			case w.Begun <= begin:
				f.Late = append(f.Late, fmt.Sprintf("%v, %v after %s began", w, w.Ended.since(begin), next.primary))
			default:
				f.Overlaps = append(f.Overlaps, fmt.Sprintf("%v, %v after %s began", w, w.Ended.since(begin), next.primary))
			}
		}
	}
}

// order holds the rows of each session against the order in which they were acknowledged. A row that is placed too low
// was inserted on a primary that did not know of the ones before.
func (f *findings) order(history []write, placed map[key]int64) {
	highest := map[int]int64{}
	for _, w := range history {
		at, there := placed[key{w.Session, w.Seq}]
		if w.Outcome != acked || !there {
			continue
		}
		if at <= highest[w.Session] {
			f.Disordered = append(f.Disordered, w.String())
		}
		highest[w.Session] = max(at, highest[w.Session])
	}
}

// tenure is all that one life of one server acknowledged, in order.
type tenure struct {
	primary string
	acks    []write
}

// tenures are ordered by their first acknowledgement. The history is ordered.
func tenures(history []write) []tenure {
	var all []tenure
	for _, w := range history {
		if w.Outcome != acked {
			continue
		}
		i := slices.IndexFunc(all, func(t tenure) bool { return t.primary == w.Primary })
		if i < 0 {
			i = len(all)
			all = append(all, tenure{primary: w.Primary})
		}
		all[i].acks = append(all[i].acks, w)
	}
	return all
}

// err is nil when nothing contradicts. An answer that was under way when its server froze is allowed only to a fault
// that freezes.
func (f *findings) err(lateAllowed bool) error {
	late := f.Late
	if lateAllowed {
		late = nil
	}
	return errors.Join(
		some("lost", f.Lost), some("back from the dead", f.Risen), some("duplicated", f.Duplicated),
		some("acknowledged by two primaries", f.Overlaps),
		some("acknowledged late", late), some("out of order", f.Disordered), some("never asked for", f.Unasked))
}

// some names a few cases of many.
func some[T any](what string, cases []T) error {
	if len(cases) == 0 {
		return nil
	}
	var few []string
	for _, one := range cases[:min(len(cases), 5)] {
		few = append(few, fmt.Sprint(one))
	}
	return fmt.Errorf("%d %s: %s", len(cases), what, strings.Join(few, "; "))
}

// longestGap is the longest time without an acknowledgement to the given sessions that ended after a moment or had not
// ended when the trial did.
func longestGap(history []write, sessions int, from, end instant) time.Duration {
	last, longest := from, time.Duration(0)
	for _, w := range history {
		if w.Outcome != acked || w.Session >= sessions {
			continue
		}
		if w.Ended > from {
			longest = max(longest, w.Ended.since(last))
		}
		last = w.Ended
	}
	return max(longest, end.since(last))
}

func (w write) String() string {
	return fmt.Sprintf("session %d row %d acknowledged by %s", w.Session, w.Seq, w.Primary)
}
