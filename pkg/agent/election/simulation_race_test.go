// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package election_test

// The race detector makes a schedule ten times as slow. Whether two members can be primary at once does not depend on
// it, so `make test` plays all of them without it.
const (
	// schedules is how many schedules TestSimulation plays, tellings how often each story is told.
	schedules = 1_000
	tellings  = 4
)
