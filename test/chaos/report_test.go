// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.String("update", "", "document whose tables TestReport writes")

// TestReport renders a table of the results of each engine, and fails when a document to update has no place for it.
// The table of an engine without results stays.
func TestReport(t *testing.T) {
	all, err := resultsIn(*out).read()
	must(t, err)
	for _, e := range engines {
		t.Run(e.name(), func(t *testing.T) {
			table := render(e, all)
			if table == "" {
				t.Skip("no results in " + *out)
			}
			t.Log("\n" + table)
			if *update != "" {
				must(t, replaceTable(*update, e, table))
			}
		})
	}
}

// replaceTable writes the engine's table between its marks.
func replaceTable(path string, e *engine, table string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf("<!-- chaos %s: begin -->\n", e.name()), fmt.Sprintf("<!-- chaos %s: end -->\n", e.name())
	before, rest, begins := strings.Cut(string(document), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s has no %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+table+end+after), 0o644)
}

const head = `| fault | trials | gap, median | gap, longest | goal | last ack of former primary | whole, median | ` +
	`unknown | lost | duplicated | overlaps | failed |
|---|---|---|---|---|---|---|---|---|---|---|---|
`

// render gives an engine's table, and below it when, by what and where it was measured, and what failed. It is empty
// without results.
func render(e *engine, all map[id]result) string {
	var text strings.Builder
	text.WriteString(head)
	var used []result
	for _, f := range faults {
		of := of(e, f, all)
		if len(of) == 0 {
			continue
		}
		used = append(used, of...)
		fmt.Fprintln(&text, line(e, f, of))
	}
	if len(used) == 0 {
		return ""
	}
	fmt.Fprintf(&text, "\n%s\n", origin(used))
	for _, r := range used {
		if r.Failure != "" {
			fmt.Fprintf(&text, "\n- `%s` seed %d failed: %s\n", r.Fault, r.Seed, strings.ReplaceAll(r.Failure, "\n", "; "))
		}
	}
	return text.String()
}

// of gives the results of an engine and a fault by seed.
func of(e *engine, f *fault, all map[id]result) []result {
	var found []result
	for _, r := range all {
		if r.Engine == e.title() && r.Fault == f.name {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b result) int { return cmp.Compare(a.Seed, b.Seed) })
	return found
}

func line(e *engine, f *fault, of []result) string {
	gaps := sorted(of, func(r result) float64 { return r.Gap })
	whole := sorted(of, func(r result) float64 { return r.Recovery })
	var duplicated, overlaps, failed, doubt int
	for _, r := range of {
		duplicated, overlaps = duplicated+r.Duplicated, overlaps+r.Overlaps
		doubt += r.Unknown
		if r.Failure != "" {
			failed++
		}
	}
	longest := "-"
	if len(gaps) > 0 {
		longest = verdict(gaps[len(gaps)-1], f.goal)
	}
	return fmt.Sprintf("| %s (`%s`)%s | %d | %s | %s | %s | %s | %s | %d | %s | %d | %d | %d |", f.what, f.name,
		e.honesty(), len(of), median(gaps), longest, goal(f.goal), isolation(f, of), median(whole), doubt, losses(of),
		duplicated, overlaps, failed)
}

// honesty marks what was not measured on the vendor's server.
func (e *engine) honesty() string {
	if e.simulated {
		return ", simulated"
	}
	return ""
}

// losses tells how many writes were lost, and when they had been acknowledged, counted from the fault.
func losses(of []result) string {
	lost, from, to := 0, math.Inf(1), math.Inf(-1)
	for _, r := range of {
		if lost += r.Lost; r.Lost > 0 {
			from, to = min(from, r.LostFrom), max(to, r.LostTo)
		}
	}
	if lost == 0 || to == 0 { // older results do not say when
		return strconv.Itoa(lost)
	}
	return fmt.Sprintf("%d (%+.2f to %+.2f s)", lost, from/1000, to/1000)
}

// sorted are the figures of the trials that got so far as to have one.
func sorted(of []result, figure func(result) float64) []float64 {
	var all []float64
	for _, r := range of {
		if figure(r) > 0 {
			all = append(all, figure(r))
		}
	}
	slices.Sort(all)
	return all
}

// median of sorted figures.
func median(all []float64) string {
	if len(all) == 0 {
		return "-"
	}
	return seconds((all[(len(all)-1)/2] + all[len(all)/2]) / 2)
}

func isolation(f *fault, of []result) string {
	if !f.isolates {
		return ""
	}
	var last float64
	for _, r := range of {
		last = max(last, r.FormerLastAck)
	}
	if f.freezes {
		return seconds(last)
	}
	return verdict(last, isolationGoal)
}

// verdict prints a time in bold when it misses its goal.
func verdict(ms float64, goal time.Duration) string {
	if goal > 0 && ms > milliseconds(goal) {
		return "**" + seconds(ms) + "**"
	}
	return seconds(ms)
}

func goal(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return seconds(milliseconds(d))
}

func seconds(ms float64) string {
	return fmt.Sprintf("%.2f s", ms/1000)
}

// origin tells when and where the figures come from.
func origin(used []result) string {
	var days, versions []string
	for _, r := range used {
		days, versions = append(days, r.Began.Format(time.DateOnly)), append(versions, r.Version)
	}
	slices.Sort(days)
	slices.Sort(versions)
	days, versions = slices.Compact(days), slices.Compact(versions)
	return fmt.Sprintf("Measured %s by `make chaos` at %s on %d cores with %d GB of memory: clients, three nodes and the "+
		"control plane on one machine.", strings.Join(days, ", "), strings.Join(versions, ", "), runtime.NumCPU(), memory())
}

var memTotal = regexp.MustCompile(`MemTotal:\s+(\d+) kB`)

// memory is that of this machine in GB.
func memory() int {
	info, _ := os.ReadFile("/proc/meminfo")
	var kilobytes int
	if found := memTotal.FindSubmatch(info); found != nil {
		_, _ = fmt.Sscan(string(found[1]), &kilobytes)
	}
	return (kilobytes + 500_000) / 1_000_000
}
