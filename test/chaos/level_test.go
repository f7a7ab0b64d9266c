// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// awaitLevel waits until every member has what was the newest row, and notes what they have.
func (t *trial) awaitLevel(ctx context.Context) error {
	newest := t.writer.lastAck(0)
	return eventually(ctx, "waiting for every member to have the newest rows", func(ctx context.Context) error {
		begun, copies := now(), map[key]int{}
		var seen []row
		err := t.eachMember(ctx, func(rows, primary []row) error {
			seen = primary
			for _, r := range rows {
				copies[key{r.Session, r.Seq}]++
			}
			if !slices.ContainsFunc(rows, func(r row) bool { return r.Session == 0 && r.Seq == newest.Seq }) {
				return errors.New("rows are missing")
			}
			return nil
		})
		if err != nil {
			return err
		}
		t.seen = reading{begun, seen}
		for k, n := range copies {
			t.kept[k] = t.kept[k] || n > len(t.replicas)
		}
		return nil
	})
}

// eachMember reads the rows of each member and hands them on together with the primary's.
func (t *trial) eachMember(ctx context.Context, visit func(rows, primary []row) error) error {
	pods, err := t.members(ctx)
	if err != nil {
		return err
	}
	if len(pods) != len(t.replicas)+1 {
		return fmt.Errorf("%d pods, want %d", len(pods), len(t.replicas)+1)
	}
	var primary []row
	for i, p := range pods {
		rows, err := t.rows(ctx, p.Status.PodIP, t.table)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if i == 0 {
			primary = rows
		}
		if err := visit(rows, primary); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}
