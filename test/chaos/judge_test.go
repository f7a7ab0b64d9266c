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
	f := check(history, rows)
	t.result.Lost, t.result.Duplicated = len(f.Lost), len(f.Duplicated)
	t.result.Overlaps, t.result.Late = len(f.Overlaps), len(f.Late)
	if t.fault.mayLose {
		f.Lost, f.Disordered = nil, nil
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

// primaryAsExpected holds who acknowledged after the fault against what the fault may do.
func (t *trial) primaryAsExpected(history []write) error {
	lives := tenures(history)
	if len(lives) == 0 {
		return errors.New("nothing was acknowledged")
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
