// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// instant is a moment of CLOCK_MONOTONIC of this machine, which no step of the wall clock moves. Clients, faults and
// databases run on one machine, hence one clock orders all that happens.
type instant time.Duration

func now() instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(fmt.Sprintf("reading CLOCK_MONOTONIC: %v", err))
	}
	return instant(t.Nano())
}

// since is how long a comes after b.
func (a instant) since(b instant) time.Duration { return time.Duration(a - b) }

// outcome is what a client knows of its write.
type outcome string

const (
	// acked: the database promised to keep it.
	acked outcome = "acked"
	// refused: the database said that it did not do it, or it was never sent.
	refused outcome = "refused"
	// unknown: no answer, or one that promises nothing. The row may be there or not.
	unknown outcome = "unknown"
)

// write is one write as its client saw it.
type write struct {
	Session int     `json:"session"`
	Seq     int64   `json:"seq"`
	Outcome outcome `json:"outcome"`
	// Primary is the life of the server that the session was connected to.
	Primary string `json:"primary,omitempty"`
	// Begun is when the write was sent, Ended when its outcome was known.
	Begun instant `json:"begun"`
	Ended instant `json:"ended"`
	Error string  `json:"error,omitempty"`
}

// journal is the file of one session's writes. What it holds is on disk: a harness that dies loses no acknowledgement
// that it was given.
type journal struct{ file *os.File }

func newJournal(folder string, session int) (*journal, error) {
	file, err := os.Create(filepath.Join(folder, fmt.Sprintf("session-%d.jsonl", session)))
	return &journal{file}, err
}

func (j *journal) append(w write) error {
	line, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

// readHistory gives all writes of a trial in the order in which their outcomes were known.
func readHistory(folder string) ([]write, error) {
	files, err := filepath.Glob(filepath.Join(folder, "session-*.jsonl"))
	if err != nil {
		return nil, err
	}
	var history []write
	for _, name := range files {
		if history, err = appendJournal(history, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	slices.SortFunc(history, func(a, b write) int { return cmp.Compare(a.Ended, b.Ended) })
	return history, nil
}

func appendJournal(history []write, name string) ([]write, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var w write
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, err
		}
		history = append(history, w)
	}
	return history, lines.Err()
}
