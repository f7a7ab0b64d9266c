// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// noteEvery is how often the state on the disk follows the data, when that grows.
const noteEvery = time.Second

// mark is a point of the data, and what has to be seen for it to be on the disk.
type mark struct {
	point engine.Point
	// history is the server's name for the history of the point, form how the data gets to the disk.
	history string
	form    form
	// end is where the log ends that has the point, rewritten how long the log was when it was rewritten last.
	end, rewritten int64
	// saves is how many snapshots were begun before the point.
	saves int64
}

// note writes down how far the data on the disk goes, as soon as it is known that it does. A server tells neither what
// it has flushed nor what it has written; so a point is taken, and noted when all that came before it has been written
// for certain, and was flushed.
func (d *Driver) note(ctx context.Context, i Info, at engine.Point) error {
	if len(at.Lineage) == 0 {
		return nil // it waits for its first copy, and has nothing
	}
	s, _, err := d.volume.state()
	if err != nil || s.has(at, d.config.form()) {
		return err
	}
	if !s.Copying && time.Since(d.run.marked) < noteEvery {
		return nil // a member that waits to have data at all is told of it at once
	}
	d.run.marked = time.Now()
	m := d.run.mark
	if now := d.take(i, at); m == nil || !m.comparable(now) {
		m = &now
	}
	d.run.mark = m
	switch {
	case m.written(i):
		d.run.mark = nil
		return d.keep(*m)
	case m.form == formLog && rewriting(i):
		d.run.mark = nil // what is in the log yet is what was before
	case m.form == formSnapshot && !i.Saving && m.saves == i.Saves:
		m.point = at // the next snapshot will have what there is now
		return d.snapshot(ctx, s, at)
	}
	return nil
}

// comparable says that both points get to the disk in the same way.
func (m mark) comparable(other mark) bool {
	return m.history == other.history && m.form == other.form && m.rewritten == other.rewritten
}

// written says that all up to the point has been written.
func (m mark) written(i Info) bool {
	switch m.form {
	case formLog:
		return m.inLog(i)
	case formSnapshot:
		return m.inSnapshot(i)
	case formNothing:
	}
	return true
}

// take takes a point.
func (d *Driver) take(i Info, at engine.Point) mark {
	return mark{
		point: at, history: i.ReplicationID, form: d.config.form(), end: i.LogBytes + i.Buffered,
		rewritten: i.RewrittenBytes, saves: i.Saves,
	}
}

// rewriting says that the log may still be that of other data: after a copy it is written anew, and until that is done
// a restart finds what the copy has replaced.
func rewriting(i Info) bool { return i.Rewriting || i.RewriteScheduled }

func (m mark) inLog(i Info) bool {
	return i.Appends && i.WriteOK && !rewriting(i) && i.LogBytes >= m.end
}

func (m mark) inSnapshot(i Info) bool { return i.Saves > m.saves && !i.Saving && i.SaveOK }

// snapshot asks for a snapshot of data that is not yet on the disk as what it is: it came as a copy, or the disk has it
// in another form.
func (d *Driver) snapshot(ctx context.Context, s state, at engine.Point) error {
	if !s.Copying && s.Form == formSnapshot && s.Lineage.Epoch() == at.Lineage.Epoch() {
		return nil
	}
	if err := d.client.BgSave(ctx).Err(); err != nil {
		return fmt.Errorf("asking for a snapshot: %w", err)
	}
	return nil
}

// keep notes a point, after it was flushed.
func (d *Driver) keep(m mark) error {
	if m.form == formNothing {
		m.point.Position = 0
	} else if err := d.volume.flush(m.form); err != nil {
		return err
	}
	return d.volume.change(func(s *state) {
		s.Lineage, s.Position, s.Form, s.Copying = m.point.Lineage, m.point.Position, m.form, false
	})
}
