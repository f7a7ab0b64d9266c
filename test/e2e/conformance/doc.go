// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package conformance holds every engine to the same promises: one table of behaviours, run unchanged for each engine
// of one table of engines, against a real Kubernetes and by the client library that the engine's vendor gives to
// applications.
//
// A *behaviour* is something that users rely on: a database comes up, serves over TLS by the login of its binding
// alone, survives the death of its server, of its pod, of its node, changes hands, takes parameters, grows, shrinks,
// stops, is deleted and found again, and meanwhile costs no request that nothing needs. All behaviours of an engine
// share one DatabaseCluster, in the order of the table, each leaving it whole; after one that failed the next gets
// another. While most of them run, an application writes record after record, and afterwards each one that was
// acknowledged must be there.
//
// # Running it
//
// "make conformance ENGINE=redis" runs all behaviours of one engine. Without ENGINE the first engine of the table is
// run in full and of each other what CI has time for. The cluster is localkube; with KUBECONFIG set it is that one, on
// which AtlasDB must be installed already. What needs localkube, the loss of a node and the API server's audit log, is
// skipped there, and says NOT CHECKED. Where localkube has a stand-in for the vendor's server, as it has for MongoDB,
// the names of the tests say "simulated"; with KUBECONFIG it is the vendor's own. One behaviour alone:
//
//	make conformance ENGINE=postgresql RUN=//switchover
//
// # Adding an engine
//
// An engine joins with one entry in engines_test.go: its spec, the name of its server's process, one parameter that
// is live and one that needs a restart, and how to open a session. A topology in which an engine behaves otherwise,
// such as one with shards, has an entry of its own: "make conformance ENGINE=redis-cluster". What it is not capable
// of by nature it *lacks*: a trait and the reason, such as that any member of it accepts writes. Behaviours name the
// traits that they need and never an engine; when a new engine needs an exception that no trait expresses, the trait
// is what is missing.
//
// Read behaviours_test.go first, then engines_test.go.
package conformance
