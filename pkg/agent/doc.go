// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package agent is PID 1 of a database container: it makes one member be as the plan and the election say.
//
// It knows no engine: what one must provide is in engine.go, and cmd/atlasdb-agent/engines.go lists those there are.
//
// Two goroutines share the work. The election (election/elector.go) finds out what part this member has, and decides
// in time when nobody else can: it waits for no engine but to see it die. The loop (loop.go) makes the engine play that
// part, and may take as long as an engine takes. They exchange two values: a Standing, what the engine must be, and
// Facts, what became of it.
//
// # One pass
//
// The loop is built like the operator. A pass (pass.go) observes, decides with a pure function, does one thing and
// reports; then it observes again:
//
//   - observe: the plan, the Lease and the primary's pod are watched by name (cluster.go), the volume and the server
//     are looked at by the engine's driver (postgresql/observe.go), the primary's agent is asked (primary.go).
//   - decide: the engine's runbook (pkg/engine/postgresql/converge.go), a list of rules of which the first that has a
//     step wins. Most of the rules are the same for every engine (pkg/engine/runbook).
//   - act: one step (act.go). What takes long (initdb, a copy) runs beside the loop, so that probes and watches go
//     on, and is called off when the standing for which it was begun is none any more.
//   - report: one patch of the own pod, only when the meaning of the report changed (describe.go).
//
// # Who is primary
//
// The member that the cluster's Lease names, and only until its last renewal is too old. election/doc.go argues why
// two members never accept writes at once, and why no acknowledged write is lost.
//
// That is so for every engine that has no election of its own (engine.Leadership). The members of one that has vote
// among themselves: there is no Lease, and the standing that the loop is given is what the engine plays already
// (elector.go). What comes after the question of who is primary, the label, reports, probes, steps and pacing, is the
// same. No fence is armed for it. The fence makes sure that a Lease is never believed for too long, and here nobody
// believes in one: a primary that is cut off stops taking writes by the engine's own timeout, and no other is elected
// without a majority. How much such an election can lose is a fact of the engine, and its doc.go says it.
//
// Of an engine whose members all accept writes nobody is primary. Every server that answers is a replica that follows
// nobody, and its driver says whether it is level with its siblings; that alone makes it ready. The servers of an
// ensemble that keeps such an engine's consensus have agents too: another program to run, and a leader that they elect.
//
// The agents of a cluster speak to each other over mutual TLS (peer): they compare how far their data goes, vote, and
// vouch for a primary that cannot reach the API server. A primary whose time is over is killed by one of the fence's
// two hands (fence), of which only one is this process.
//
// # Safety rules
//
//   - An agent begins as nobody: without a role label, and with an engine that is down (PROTOCOL I7, I8).
//   - Facts are posted before the next standing is read. A vote rests on what was seen after the engine had been told
//     to receive from nobody, and what was seen before proves nothing.
//   - A server that accepts writes is started only while the fence permits it, and a replica is promoted only after
//     the label was taken away from every other member.
//   - An annotation of the Lease that cannot be read is an error and not an absence (lease.go).
//   - Nothing here lists or watches anything beyond the cluster's own objects. An API server that does not answer
//     stops no replica; a primary lives through it while every other member vouches for it (PROTOCOL I9).
//
// # Read next
//
// pass.go, then pkg/engine/runbook/rules.go and pkg/engine/postgresql/converge.go, then postgresql/driver.go; for the
// election, election/doc.go and fence/doc.go. process/reaper.go is what being PID 1 takes.
package agent
