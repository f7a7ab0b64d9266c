// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The flags choose trials; without them all are made that have no result yet.
var (
	tried  = flag.String("engine", "", "names of engines, separated by commas; empty: "+engines[0].name())
	chosen = flag.String("fault", "", "names of faults, separated by commas; empty: all")
	replay = flag.Uint64("seed", 0, "replay this one seed, and keep no result")
	trials = flag.Int("trials", 0, "trials of each fault, in place of its own number")
	again  = flag.Bool("again", false, "make trials again that have a result; the new one counts")
	out    = flag.String("out", filepath.Join(cmp.Or(os.Getenv("ATLASDB_CACHE"), "/var/cache/atlasdb"), "chaos"),
		"folder of results and traces")
)

// campaign is one run of many trials.
type campaign struct {
	*frame
	results results
	done    map[id]result
	version string
	// database is that of the last trial, for the next one of the same layout.
	database *database
}

func TestChaos(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := newCampaign(ctx, t)
	for _, e := range chosenEngines(t) {
		t.Run(e.name(), func(t *testing.T) {
			for _, f := range chosenFaults(t, e) {
				t.Run(f.name, func(t *testing.T) { c.tryAll(ctx, t, e, f) })
			}
		})
	}
}

// tryAll makes the trials of a fault that are to be made.
func (c *campaign) tryAll(ctx context.Context, t *testing.T, e *engine, f *fault) {
	t.Helper()
	for _, s := range seeds(f) {
		if _, done := c.done[id{e.title(), f.name, s}]; done && *replay == 0 && !*again {
			continue
		}
		t.Run(fmt.Sprint(s), func(t *testing.T) { c.try(ctx, t, e, f, s) })
	}
}

func newCampaign(ctx context.Context, t *testing.T) *campaign {
	t.Helper()
	f, err := newFrame()
	must(t, err)
	must(t, f.clear(ctx))
	must(t, os.MkdirAll(*out, 0o755))
	c := &campaign{frame: f, results: resultsIn(*out)}
	c.done, err = c.results.read()
	must(t, err)
	version, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	must(t, err)
	c.version = strings.TrimSpace(string(version))
	t.Cleanup(func() { c.leave(context.WithoutCancel(ctx), t) })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// short tells whether only a few seeded trials are wanted, each time anew.
func short() bool { return os.Getenv("CI") == "true" && *chosen == "" }

// chosenEngines are all in the short run, else those that are named.
func chosenEngines(t *testing.T) []*engine {
	t.Helper()
	switch {
	case *tried != "":
		return named(t, "engine", strings.Split(*tried, ","), engines, (*engine).name)
	case short():
		return engines
	default:
		return engines[:1]
	}
}

func chosenFaults(t *testing.T, e *engine) []*fault {
	t.Helper()
	name := func(f *fault) string { return f.name }
	switch {
	case *chosen != "":
		return named(t, "fault", strings.Split(*chosen, ","), faults, name)
	case short():
		*again = true
		return named(t, "fault", e.inCI, faults, name)
	case e.faults != nil:
		return named(t, "fault", e.faults, faults, name)
	default:
		return slices.DeleteFunc(slices.Clone(faults), func(f *fault) bool { return f.ensemble && e.keeper == nil })
	}
}

// named picks from all what is named, in the order of all.
func named[T any](t *testing.T, flag string, names []string, all []T, name func(T) string) (found []T) {
	t.Helper()
	for _, one := range all {
		if slices.Contains(names, name(one)) {
			found = append(found, one)
		}
	}
	if len(found) != len(names) {
		t.Fatalf("-%s=%s: not all are known", flag, strings.Join(names, ","))
	}
	return found
}

// seeds count from 1, so that a run that is interrupted goes on with the same.
func seeds(f *fault) []uint64 {
	if *replay != 0 {
		return []uint64{*replay}
	}
	n := cmp.Or(*trials, f.trials)
	if short() {
		n = 1
	}
	var all []uint64
	for s := range n {
		all = append(all, uint64(s+1))
	}
	return all
}

// try makes one trial. After a failure nothing goes on with its database, which may hide what the next would find.
func (c *campaign) try(ctx context.Context, t *testing.T, e *engine, f *fault, seed uint64) {
	t.Helper()
	if ctx.Err() != nil {
		t.Skip("interrupted")
	}
	must(t, c.take(ctx, e, f.layout))
	trial := c.database.newTrial(f, seed, *out)
	r, err := trial.run(ctx)
	r.Version = c.version
	t.Logf("%s, %s, seed %d: %v", e.title(), f.name, seed, r)
	if err != nil {
		c.database.dump(context.WithoutCancel(ctx), trial.folder)
		t.Errorf("%v\nTraces: %s\nReplay: make chaos CHAOS='-engine=%s -fault=%s -seed=%d'", err, trial.folder, e.name(),
			f.name, seed)
	}
	if err != nil || f.renews {
		c.leave(context.WithoutCancel(ctx), t)
	}
	if *replay == 0 && !short() && ctx.Err() == nil {
		must(t, c.results.append(r))
	}
}

// take sees to it that there is a database of the engine and the layout, and no other.
func (c *campaign) take(ctx context.Context, e *engine, l *layout) (err error) {
	if c.database != nil && c.database.engine == e && c.database.layout == l {
		return nil
	}
	if c.database != nil {
		if err := c.removeNamespace(ctx, c.database.ns); err != nil {
			return err
		}
	}
	c.database, err = c.newDatabase(ctx, e, l)
	return err
}

// leave removes the last database.
func (c *campaign) leave(ctx context.Context, t *testing.T) {
	t.Helper()
	if c.database == nil {
		return
	}
	if err := c.removeNamespace(ctx, c.database.ns); err != nil {
		t.Errorf("Removing %s: %v", c.database.ns, err)
	}
	c.database = nil
}
