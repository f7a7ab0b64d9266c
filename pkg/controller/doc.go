// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package controller holds the controllers of AtlasDB, one package per kind, and loop, the worker loop that they share.
// This page is a guided walk through the life of one key. Follow it with the files open.
//
// # An event becomes a key
//
// A user applies a DatabaseCluster called orders. The API server tells the informer, the informer calls the handler in
// databasecluster/handlers.go, and the handler does the only thing that a handler may do: it puts the key
// "shop/orders" into a queue. It hands on no object, old or new. Ten events about one cluster are one key in the queue,
// and an event that is lost in a crash is made up for by the list that every start begins with.
//
// The same happens when a pod of orders becomes ready, when an agent writes its report to its pod's annotation, or when
// somebody deletes the Service: the child carries the label atlasdb.io/cluster, and the key is read from it.
//
// # A key becomes a snapshot
//
// A worker of loop/loop.go takes the key and calls sync (databasecluster/sync.go, one page). The first thing sync asks
// is whether the caches have caught up with what the last pass wrote (pkg/consistency): a cache that does not show a
// pod which we have just made would have us make it again. A key that is not level yet is put back quietly; the event
// that it waits for will bring it forth again.
//
// Then observe (snapshot.go) gathers all that a pass may know, from caches alone. There is no GET and no LIST in a
// sync, so a thousand clusters that resync cost the API server nothing.
//
// # A snapshot becomes a decision
//
// Decide (decide.go) is a pure function: no clock, no client, no logger, no context. It judges the spec, says which
// objects should be there and how, compares them with those that are, and returns the difference as a value. What it
// returns for a cluster at rest is empty, and a test holds it to that. At most one running pod is taken away per pass;
// the next pass looks again before it takes another.
//
// What is particular to an engine (its configuration files, its ports, its rules about parameters) comes from
// pkg/engine/<engine>, which is pure too. The objects are built in pkg/resource.
//
// # The shell carries it out and reports
//
// act (act.go) makes and changes objects through pkg/apply, and takes away what has to go, only if it is still as it
// was seen. One refusal does not stop the rest.
//
// Then report (status.go) computes status from the snapshot, the decision and its outcome, and writes it only if its
// meaning changed. Events are told of transitions, never of states.
//
// # And the key goes back to rest
//
// loop/result.go has the table of what becomes of a key: forgotten when all went well, put back with a growing delay
// when something failed, and never dropped. There is no resync timer. A cluster at rest causes no work at all until
// something happens to it.
//
// # Where the database is
//
// Nowhere in here. The operator opens no connection to a database: it writes a plan into one Secret, and the agents,
// PID 1 of every database container, carry it out and report (pkg/agent). Were the operator gone, the databases would
// not notice.
//
// # Read next
//
// databasecluster/sync.go, then pkg/engine/plan.go, then pkg/agent/doc.go. The wiring of it all is in
// cmd/atlasdb-operator/app/server.go.
package controller
