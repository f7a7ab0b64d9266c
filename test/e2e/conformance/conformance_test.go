// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// engineName is ENGINE of the Makefile.
var engineName = flag.String("engine", "", "the engine to run in full; without it what CI runs of all")

// TestConformance runs the behaviours of the chosen engines.
func TestConformance(t *testing.T) {
	for i, e := range chosen(t) {
		t.Run(e.title(), func(t *testing.T) {
			// The first one breaks nodes; the others wait until it has ended, and then run beside each other.
			full := i == 0
			if !full {
				t.Parallel()
			}
			e.run(t, full)
		})
	}
}

// title names an engine's tests, and says when it is not the vendor's server that they meet.
func (e *engine) title() string {
	if e.simulated && frame.IsLocal() {
		return e.name + "-simulated"
	}
	return e.name
}

// chosen are the engines to run, the one to run in full first.
func chosen(t *testing.T) []*engine {
	t.Helper()
	if *engineName == "" {
		return engines
	}
	names := make([]string, 0, len(engines))
	for i, e := range engines {
		if e.name == *engineName {
			return engines[i : i+1]
		}
		names = append(names, e.name)
	}
	t.Fatalf("-engine: %q is no engine of this suite; there are: %s", *engineName, strings.Join(names, ", "))
	return nil
}

// run holds one engine to the behaviours: all of them, or those of the short form.
func (e *engine) run(t *testing.T, full bool) {
	t.Helper()
	var d *database
	for _, b := range behaviours {
		if !full && !b.short {
			continue
		}
		if d == nil {
			d = newDatabase(t, e)
		}
		if !t.Run(b.name, func(t *testing.T) {
			b.skipUnlessHad(t, e)
			b.run(d.on(t))
		}) {
			d.Remove() // what a failure has left behind proves nothing about the next behaviour
			d = nil
		}
	}
}

// skipUnlessHad skips a behaviour that needs a trait which the engine lacks.
func (b *behaviour) skipUnlessHad(t *testing.T, e *engine) {
	t.Helper()
	lacks := func(needed trait) bool { return !e.has(needed) }
	if i := slices.IndexFunc(b.needs, lacks); i >= 0 {
		t.Skipf("%s lacks %s: %s", e.name, b.needs[i], e.lacks[b.needs[i]])
	}
}
