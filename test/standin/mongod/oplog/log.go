// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package oplog

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Namespace is where clients and other members read the log.
const Namespace = "local.oplog.rs"

// FileName is the journal's, in the data directory.
const FileName = "oplog.bson"

// Log is the operations and what they amount to. Whoever holds it guards it with a lock, except for Sync.
type Log struct {
	// Documents is what all entries amount to, Sessions which retryable writes are among them.
	Documents Documents
	Sessions  Sessions

	journal *journal
	entries []Entry
	raw     []bson.Raw
}

// Open reads the log of a data directory.
func Open(directory string) (*Log, error) {
	journal, records, err := openJournal(filepath.Join(directory, FileName))
	if err != nil {
		return nil, err
	}
	l := &Log{journal: journal}
	l.forget()
	for _, record := range records {
		if err := l.take(record); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Log) forget() {
	l.Documents, l.Sessions, l.entries, l.raw = Documents{}, Sessions{}, nil, nil
}

func (l *Log) take(record bson.Raw) error {
	var e Entry
	if err := bson.Unmarshal(record, &e); err != nil {
		return fmt.Errorf("oplog entry: %w", err)
	}
	l.entries, l.raw = append(l.entries, e), append(l.raw, record)
	if err := l.Documents.apply(e); err != nil {
		return fmt.Errorf("apply oplog entry %s: %w", e.OpTime(), err)
	}
	l.Sessions.note(e)
	return nil
}

// Write appends operations of this member as primary, and gives them their optimes.
func (l *Log) Write(term int64, now time.Time, entries ...Entry) error {
	last := l.Last().TS
	records := make([]bson.Raw, len(entries))
	for i, e := range entries {
		last = NextTimestamp(last, now)
		e.TS, e.Term, e.Version, e.Wall = last, term, 2, now
		record, err := bson.Marshal(e)
		if err != nil {
			return err
		}
		records[i] = record
	}
	return l.Append(records...)
}

// Append appends operations of another member, as they are.
func (l *Log) Append(records ...bson.Raw) error {
	if err := l.journal.append(records...); err != nil {
		return err
	}
	for _, record := range records {
		if err := l.take(record); err != nil {
			return err
		}
	}
	return nil
}

// Sync returns when everything that was appended before is on the disk. It is called without the lock.
func (l *Log) Sync() error { return l.journal.file.Sync() }

// Truncate takes the entries after the first so many off, and undoes them.
func (l *Log) Truncate(keep int) error {
	if err := l.journal.truncate(keep); err != nil {
		return err
	}
	kept := l.raw[:keep]
	l.forget()
	for _, record := range kept {
		if err := l.take(record); err != nil {
			return err
		}
	}
	return nil
}

// Last is the place of the newest entry.
func (l *Log) Last() OpTime { return l.At(len(l.entries) - 1) }

// LastWall is when the newest entry was written, by the clock of the primary of that time.
func (l *Log) LastWall() time.Time {
	if len(l.entries) == 0 {
		return time.Unix(0, 0)
	}
	return l.entries[len(l.entries)-1].Wall
}

// At is the place of one entry.
func (l *Log) At(i int) OpTime {
	if i < 0 || i >= len(l.entries) {
		return OpTime{Term: -1}
	}
	return l.entries[i].OpTime()
}

// Len is how many entries there are.
func (l *Log) Len() int { return len(l.entries) }

// Size is how many bytes the log has.
func (l *Log) Size() int64 { return l.journal.end() }

// Since are the entries from the first that is not older than ts, and the number of that one.
func (l *Log) Since(ts bson.Timestamp) ([]bson.Raw, int) {
	at, _ := slices.BinarySearchFunc(l.entries, ts, func(e Entry, ts bson.Timestamp) int {
		return e.TS.Compare(ts)
	})
	return l.raw[at:], at
}

// Entries are all of them, as documents.
func (l *Log) Entries() []bson.Raw { return l.raw }

// Close ends the use of the file.
func (l *Log) Close() error { return l.journal.file.Close() }
