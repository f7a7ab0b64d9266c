// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// judge holds what the clients saw against what the members have. All sessions have ended. It also judges a trial that
// has failed already, since a write may be lost beside; then it does not wait long, for the database may be broken.
func (t *trial) judge(ctx context.Context, failed bool) error {
	patience := recoveryDeadline
	if failed {
		patience = 20 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	end := now()
	history, err := readHistory(t.folder)
	if err != nil {
		return err
	}
	t.measure(history, end)
	rows, err := t.survivors(ctx)
	if err != nil {
		return err
	}
	f := check(history, rows, t.seen)
	if t.engine.leaderless {
		// Any may acknowledge beside others, and what a quorum has another may get later.
		f.Overlaps, f.Late, f.Risen = nil, nil, nil
	}
	t.count(f)
	f.Lost = slices.DeleteFunc(f.Lost, t.excuses(history))
	if t.fault.mayLose {
		f.Disordered = nil
	}
	return errors.Join(f.err(t.fault.freezes), t.primaryAsExpected(history))
}

// survivors gives the rows of the primary once every member has the same.
func (t *trial) survivors(ctx context.Context) (survivors []row, err error) {
	err = eventually(ctx, "comparing the members", func(ctx context.Context) error {
		return t.eachMember(ctx, func(rows, primary []row) error {
			survivors = primary
			if !slices.Equal(rows, primary) {
				return fmt.Errorf("%d rows differ from the %d of the primary", len(rows), len(primary))
			}
			return nil
		})
	})
	return survivors, err
}

// measure writes down the times that clients saw.
func (t *trial) measure(history []write, end instant) {
	t.result.Gap = milliseconds(longestGap(history, throughService, t.struck, end))
	for _, w := range history {
		if w.Outcome == acked {
			t.result.Acked++
		}
		if w.Outcome == unknown {
			t.result.Unknown++
		}
		if w.Outcome == acked && w.Primary == t.former {
			t.result.FormerLastAck = milliseconds(max(0, w.Ended.since(t.struck)))
		}
	}
}

// count writes down how much was found.
func (t *trial) count(f findings) {
	t.result.Lost, t.result.Duplicated = len(f.Lost), len(f.Duplicated)
	t.result.Overlaps, t.result.Late = len(f.Overlaps), len(f.Late)
	if len(f.Lost) > 0 {
		t.result.LostFrom = milliseconds(f.Lost[0].Ended.since(t.struck))
		t.result.LostTo = milliseconds(f.Lost[len(f.Lost)-1].Ended.since(t.struck))
	}
}

// relaxedWindow is for a primary that was told not to wait for replicas. Those of a trial hardly lag.
const relaxedWindow = 10 * time.Second

// excuses tells which writes may be lost. A primary that acknowledges before a replica has the write may lose what it
// acknowledged in the last moments of its life: before it died unprepared, or while it was cut off. Two things no fault
// may take away: what every member had, for then an emptier primary has overwritten replicas; and what was acknowledged
// by a primary that was asked to go or that had no reason to.
func (t *trial) excuses(history []write) func(write) bool {
	window := t.engine.lossWindow
	if t.fault.mayLose {
		window = relaxedWindow
	}
	last := map[string]instant{}
	for _, w := range history {
		if w.Outcome == acked {
			last[w.Primary] = w.Ended
		}
	}
	return func(w write) bool {
		if t.kept[key{w.Session, w.Seq}] || w.Primary == t.former && (t.fault.planned || t.fault.stays) {
			return false
		}
		frozen := t.fault.freezes && w.Primary == t.former && w.Ended.since(t.struck).Abs() < window
		return frozen || last[w.Primary].since(w.Ended) < window
	}
}

// primaryAsExpected holds who acknowledged after the fault against what the fault may do.
func (t *trial) primaryAsExpected(history []write) error {
	lives := tenures(history)
	if len(lives) == 0 {
		return errors.New("nothing was acknowledged")
	}
	if t.engine.leaderless {
		return nil
	}
	moved := lives[len(lives)-1].primary != t.former
	switch {
	case moved && t.fault.stays:
		return fmt.Errorf("the primary was %s and is %s: this fault must not move it", t.former,
			lives[len(lives)-1].primary)
	case !moved && t.fault.ends:
		return fmt.Errorf("the primary still is %s", t.former)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
