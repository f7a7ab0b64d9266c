// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package election_test

const (
	// schedules is how many schedules TestSimulation plays, tellings how often each story is told.
	schedules = 10_000
	tellings  = 20
)
