// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// engine is all that trials know of a database engine. Everything else here speaks of servers, lives, tables and rows;
// what those are is the engine's to say.
type engine struct {
	// kind is what the engine is called in the API, and version the one that is tried.
	kind    v1alpha1.EngineType
	version string
	// topology ends the name of one that is tried with shards; a trial is about the first of them.
	topology string
	shards   int32
	// simulated says that a stand-in plays the vendor's server.
	simulated bool
	// connect logs in by a route and asks whose life answers: which server, and since when it may accept writes as far as
	// clients can see. Another life is another primary, also at the same address.
	connect func(context.Context, route) (c conn, life string, err error)
	// server finds the processes of the server in a member's container, receiver those by which a replica receives.
	server, receiver role
	// leaderless says that every member accepts writes. What trials call the primary is then any member: one that the seed
	// draws, which the insider writes to and which is struck. There is no order among the lives of several.
	leaderless bool
	// keeper finds the processes of the server in a container of the ensemble; nil where there is no ensemble.
	keeper role
	// lossWindow bounds what an engine loses whose primary acknowledges before a replica has the write: only what was
	// acknowledged in so short a time before its primary's last acknowledgement. It is 0 for an engine that waits for its
	// replicas.
	lossWindow time.Duration
	// faults are the names of those that are tried on it; nil for all.
	faults []string
	// inCI are the faults of the short run, once each.
	inCI []string
}

// conn is a connection to one server. It never becomes a connection to another, and nothing in it tries again: what a
// client library does behind the back of a session would be taken for the database's doing. One that does is a retrier.
type conn interface {
	// write writes a row and tells what became of it.
	write(ctx context.Context, table string, session int, seq int64) (outcome, error)
	// broken tells that the connection is of no more use.
	broken() bool
	// prepare makes a table that is empty.
	prepare(ctx context.Context, table string) error
	// rows gives all rows in the order in which they were placed.
	rows(ctx context.Context, table string) ([]row, error)
	// close hangs up without a word: a goodbye to a server that is frozen or gone would wait.
	close()
}

// retrier is a connection whose client library tries a write again by itself, as applications have it, perhaps at
// another server. It looks at every attempt for the outcome, and tells who acknowledged.
type retrier interface {
	// primary is the life of the server that acknowledged last.
	primary() string
}

// engines are all that can be tried; the first is tried when none is named.
var engines = []*engine{postgresql, redis, redisCluster, clickHouse, mongoDB}

// name is what the engine is called in flags, folders and documents.
func (e *engine) name() string { return strings.ToLower(e.title()) }

// title is what it is called in results.
func (e *engine) title() string { return string(e.kind) + e.topology }

// members selects the pods of the members that a trial is about.
func (e *engine) members() string {
	selector := v1alpha1.LabelComponent + "=" + v1alpha1.ComponentMember
	if e.shards > 0 {
		selector += "," + v1alpha1.LabelShard + "=0"
	}
	return selector
}
