// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package election_test

// schedules is how many schedules TestSimulation plays.
const schedules = 10_000
