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
	for _, f := range chosenFaults(t) {
		t.Run(f.name, func(t *testing.T) {
			for _, s := range seeds(f) {
				if _, done := c.done[id{f.name, s}]; done && *replay == 0 && !*again {
					continue
				}
				t.Run(fmt.Sprint(s), func(t *testing.T) { c.try(ctx, t, f, s) })
			}
		})
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

func chosenFaults(t *testing.T) []*fault {
	t.Helper()
	names := strings.Split(*chosen, ",")
	if short() {
		names, *again = inCI, true
	}
	if names[0] == "" {
		return faults
	}
	var found []*fault
	for _, f := range faults {
		if slices.Contains(names, f.name) {
			found = append(found, f)
		}
	}
	if len(found) != len(names) {
		t.Fatalf("-fault=%s: not all are known", *chosen)
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
func (c *campaign) try(ctx context.Context, t *testing.T, f *fault, seed uint64) {
	t.Helper()
	if ctx.Err() != nil {
		t.Skip("interrupted")
	}
	must(t, c.take(ctx, f.layout))
	trial := c.database.newTrial(f, seed, *out)
	r, err := trial.run(ctx)
	r.Version = c.version
	t.Logf("%s seed %d: %v", f.name, seed, r)
	if err != nil {
		c.database.dump(context.WithoutCancel(ctx), trial.folder)
		t.Errorf("%v\nTraces: %s\nReplay: make chaos CHAOS='-fault=%s -seed=%d'", err, trial.folder, f.name, seed)
	}
	if err != nil || f.renews {
		c.leave(context.WithoutCancel(ctx), t)
	}
	if *replay == 0 && !short() && ctx.Err() == nil {
		must(t, c.results.append(r))
	}
}

// take sees to it that there is a database of the layout, and no other.
func (c *campaign) take(ctx context.Context, l *layout) (err error) {
	if c.database != nil && c.database.layout == l {
		return nil
	}
	if c.database != nil {
		if err := c.removeNamespace(ctx, c.database.ns); err != nil {
			return err
		}
	}
	c.database, err = c.newDatabase(ctx, l)
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
