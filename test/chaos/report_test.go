// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.String("update", "", "document whose table TestReport writes")

// The marks in the document; what stands between them is written by TestReport.
const beginMark, endMark = "<!-- chaos: begin -->\n", "<!-- chaos: end -->\n"

// TestReport renders the table of all results, and fails when a document to update has no place for it.
func TestReport(t *testing.T) {
	all, err := resultsIn(*out).read()
	must(t, err)
	if len(all) == 0 {
		t.Skip("no results in " + *out)
	}
	table := render(all)
	t.Log("\n" + table)
	if *update == "" {
		return
	}
	document, err := os.ReadFile(*update)
	must(t, err)
	before, rest, begins := strings.Cut(string(document), beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		t.Fatalf("%s has no %q and %q", *update, beginMark, endMark)
	}
	must(t, os.WriteFile(*update, []byte(before+beginMark+table+endMark+after), 0o644))
}

const head = `| fault | trials | gap, median | gap, longest | goal | last ack of former primary | whole, median | ` +
	`unknown | lost | duplicated | overlaps | failed |
|---|---|---|---|---|---|---|---|---|---|---|---|
`

// render gives the table, and below it when, by what and where it was measured, and what failed.
func render(all map[id]result) string {
	var text strings.Builder
	text.WriteString(head)
	var used []result
	for _, f := range faults {
		of := of(f, all)
		if len(of) == 0 {
			continue
		}
		used = append(used, of...)
		fmt.Fprintln(&text, line(f, of))
	}
	fmt.Fprintf(&text, "\n%s\n", origin(used))
	for _, r := range used {
		if r.Failure != "" {
			fmt.Fprintf(&text, "\n- `%s` seed %d failed: %s\n", r.Fault, r.Seed, strings.ReplaceAll(r.Failure, "\n", "; "))
		}
	}
	return text.String()
}

// of gives the results of a fault by seed.
func of(f *fault, all map[id]result) []result {
	var found []result
	for _, r := range all {
		if r.Fault == f.name {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b result) int { return cmp.Compare(a.Seed, b.Seed) })
	return found
}

func line(f *fault, of []result) string {
	gaps := sorted(of, func(r result) float64 { return r.Gap })
	whole := sorted(of, func(r result) float64 { return r.Recovery })
	var lost, duplicated, overlaps, failed, doubt int
	for _, r := range of {
		lost, duplicated, overlaps = lost+r.Lost, duplicated+r.Duplicated, overlaps+r.Overlaps
		doubt += r.Unknown
		if r.Failure != "" {
			failed++
		}
	}
	longest := "-"
	if len(gaps) > 0 {
		longest = verdict(gaps[len(gaps)-1], f.goal)
	}
	return fmt.Sprintf("| %s (`%s`) | %d | %s | %s | %s | %s | %s | %d | %d | %d | %d | %d |", f.what, f.name, len(of),
		median(gaps), longest, goal(f.goal), isolation(f, of), median(whole), doubt, lost, duplicated,
		overlaps, failed)
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

func TestRenderToldFiguresAndFailures(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	table := render(map[id]result{
		{"cable-cut", 1}: {Fault: "cable-cut", Seed: 1, Began: began, Version: "v1", Gap: 8000, FormerLastAck: 4000},
		{"cable-cut", 2}: {Fault: "cable-cut", Seed: 2, Began: began, Version: "v1", Gap: 9000, FormerLastAck: 5100},
		{"cable-cut", 3}: {
			Fault: "cable-cut", Seed: 3, Began: began, Version: "v1", Gap: 12500, Lost: 2, Failure: "2 lost",
		},
		{"engine-killed", 1}: {Fault: "engine-killed", Seed: 1, Began: began, Version: "v1", Gap: 400, Recovery: 1500},
	})
	for _, wanted := range []string{
		"(`cable-cut`) | 3 | 9.00 s | **12.50 s** | 12.00 s | **5.10 s** | - | 0 | 2 | 0 | 0 | 1 |\n",
		"(`engine-killed`) | 1 | 0.40 s | 0.40 s | 1.50 s |  | 1.50 s | 0 | 0 | 0 | 0 | 0 |\n",
		"Measured 2026-11-23 by", "`cable-cut` seed 3 failed: 2 lost",
	} {
		if !strings.Contains(table, wanted) {
			t.Errorf("no %q in\n%s", wanted, table)
		}
	}
}
