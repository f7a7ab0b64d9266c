// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package election_test

// schedules is how many schedules TestSimulation plays. The race detector makes each ten times as slow; whether two
// members can be primary at once does not depend on it, so `make test` plays all of them without it.
const schedules = 1_000
