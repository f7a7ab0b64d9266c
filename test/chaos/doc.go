// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package chaos breaks a database under load, many times and in every way that its promises speak of, and holds what
// clients saw against them.
//
// A *trial* is one fault with one seed, to one engine: sessions write numbered rows through the Service, and one more
// writes straight to the primary from inside its node; the fault strikes; writes go on; the fault is mended; the
// database is whole again. Then every row that was acknowledged must be there once, on every member, and no two
// primaries may have acknowledged at the same time. What a client saw is the only truth here, never the operator's own
// status. The seed decides everything that is left to chance, the same for every engine, so that a failed trial can be
// replayed; it prints the command.
//
// An engine is what its clients do and what its processes are called (engine_test.go); everything else speaks of
// servers, lives, tables and rows. One that acknowledges before a replica has the write may lose some, and the table
// counts them; but only from the last moments of a primary that was struck unprepared, and nothing that every member
// had.
//
// "make chaos" runs all trials and goes on where it was interrupted; "make chaos-report" writes the table of the
// document on reliability. It needs localkube, as root: faults are signals to processes, links that go down and
// control groups that freeze.
//
// # Safety rules
//
//   - Whatever strikes is mended when the trial ends, failed or not, and once more before the next run begins.
//   - A trial never waits for a time when it can wait for an effect; the exceptions are faults that last.
//   - Missing a time goal is a figure in the table. A row that is lost without excuse, doubled or acknowledged by two
//     primaries is a failure.
//   - No client library may retry or reconnect behind a session's back, unless it tells of each attempt.
//
// Read trial_test.go first, then faults_test.go; checker_test.go is what all rests on, judge_test.go what of it counts.
package chaos
