// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// result is what is kept of a trial, one line of JSON.
type result struct {
	// Engine is not in results of the time when there was one only.
	Engine string    `json:"engine"`
	Fault  string    `json:"fault"`
	Seed   uint64    `json:"seed"`
	Began  time.Time `json:"began"`
	// Version is of the checkout that was tried.
	Version string `json:"version"`
	// Gap is the longest time, in milliseconds, in which no session through the Service had an acknowledgement.
	Gap float64 `json:"gapMilliseconds"`
	// FormerLastAck is when, in milliseconds after the fault, the former primary acknowledged for the last time.
	FormerLastAck float64 `json:"formerLastAckMilliseconds"`
	// Recovery is when, in milliseconds after the fault, every member was there again with the newest rows.
	Recovery   float64 `json:"recoveryMilliseconds"`
	Acked      int     `json:"acked"`
	Unknown    int     `json:"unknown"`
	Lost       int     `json:"lost"`
	Duplicated int     `json:"duplicated"`
	Overlaps   int     `json:"overlaps"`
	Late       int     `json:"late"`
	// LostFrom and LostTo are when, in milliseconds after the fault, the first and the last of the lost writes were
	// acknowledged.
	LostFrom float64 `json:"lostFromMilliseconds,omitempty"`
	LostTo   float64 `json:"lostToMilliseconds,omitempty"`
	Failure  string  `json:"failure,omitempty"`
}

func (r result) String() string {
	return fmt.Sprintf("gap %.0f ms, former primary's last acknowledgement after %.0f ms, whole after %.1f s, "+
		"%d acknowledged, %d unknown, %d lost, %d duplicated, %d overlaps, %d late", r.Gap, r.FormerLastAck,
		r.Recovery/1000, r.Acked, r.Unknown, r.Lost, r.Duplicated, r.Overlaps, r.Late)
}

// id tells trials apart.
type id struct {
	engine, fault string
	seed          uint64
}

// results is the file that a long run goes on from.
type results struct{ path string }

func resultsIn(folder string) results { return results{filepath.Join(folder, "results.jsonl")} }

// read gives all results. Of a trial that was made again only the last counts.
func (r results) read() (map[id]result, error) {
	all := map[id]result{}
	file, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		one := result{Engine: postgresql.title()}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("%s: %w", r.path, err)
		}
		all[id{one.Engine, one.Fault, one.Seed}] = one
	}
	return all, lines.Err()
}

func (r results) append(one result) error {
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}
