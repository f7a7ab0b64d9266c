// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Reporter prints one line per step; steps may run side by side.
type Reporter struct {
	started time.Time
	mu      sync.Mutex
	out     io.Writer
}

// New returns a Reporter whose clock starts now.
func New(out io.Writer) *Reporter { return &Reporter{started: time.Now(), out: out} }

// Step runs f and reports its duration, and its failure if it fails.
func (r *Reporter) Step(name string, f func() error) error {
	started := time.Now()
	if err := f(); err != nil {
		r.Say("%s: failed", name)
		return fmt.Errorf("%s: %w", name, err)
	}
	r.Say("%s (%.1f s)", name, time.Since(started).Seconds())
	return nil
}

// Say prints one line.
func (r *Reporter) Say(format string, values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%6.1fs  %s\n", time.Since(r.started).Seconds(), fmt.Sprintf(format, values...))
}
