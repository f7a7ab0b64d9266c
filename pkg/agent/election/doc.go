// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package election finds out which member of a cluster is primary, for engines that cannot do it themselves. It knows
// no engine: it says who may accept writes (engine.Standing), reads what became of that (engine.Facts), and counts
// positions in bytes.
//
// There is one Lease per cluster. Whoever holds it is primary; whoever cannot renew it stops before another can begin.
//
// # Why two members never accept writes at once
//
// The holder may accept writes until RenewDeadline after the sending of its last renewal that succeeded; then its
// engine is killed, within FenceTime. Another may take the Lease at the earliest when it has itself seen it unchanged
// for LeaseDuration, which began no sooner than that sending. No clock is compared with another's, only their rates,
// which differ by less than ρ = 1 %:
//
//	(RenewDeadline + FenceTime)·(1+ρ) < LeaseDuration·(1−ρ)        4.24 s < 9.9 s
//
// The other ways to take a Lease begin with a proof that the holder's engine is dead (claim.go: mayTake).
//
// # Why no acknowledged write is lost even when clocks are wrong
//
// Under Durability Majority a promotion takes votes (campaign.go), and a vote is a promise: the voter has stopped to
// receive from every older holder before it tells how far its data goes, and receives only from the holder of a newer
// epoch afterwards. The Lease records where acknowledged writes are (engine.Quorum), never claiming more than the
// engine enforces (quorum.go). So the voters include one that has every acknowledged write, nobody is promoted that is
// behind a voter, and an old primary that thaws finds nobody left who would complete its quorum.
//
// # Better than the protocol asks
//
// The recorded quorum counts the primary (engine.Quorum says why). And a member whose volume's lock is its own may take
// back a Lease that names an earlier life of itself, without a vote: see resumable in standing.go.
//
// # How it runs
//
// One goroutine makes turns (elector.go). A turn looks at what is known, under one lock, and begins requests whose
// answers are taken over later; it never waits. hold (tenure.go) is the turn of the holder: campaign.go, lead.go and
// resign.go are its three phases. watch (claim.go) is everybody else's. answers.go is what peers are told.
//
// The simulation in simulation_test.go runs all of it in thousands of schedules with partitions, pauses, deaths and
// wrong clocks. Read elector.go first, then claim.go.
package election
