// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// view is a replica set as one of its servers sees it.
type view struct {
	// state is that of the server, leads says that it accepts writes: a primary that was just elected does not yet.
	state mongodb.State
	leads bool
	// primary is the host of the primary, term the last term of an election that the server knows of.
	primary string
	term    int64
	// source is the host that it copies from.
	source string
	seen   []mongodb.Seen
	// config is the set's configuration, document the whole of it; committed says that a majority has it.
	config    mongodb.Config
	document  bson.D
	committed bool
}

// lookAt asks a server for its set. One that is in none has a view without a configuration.
func lookAt(ctx context.Context, at *mongo.Client) (v view, err error) {
	said, err := askHello(ctx, at)
	if err != nil {
		return v, err
	}
	status, err := askStatus(ctx, at)
	switch {
	case isError(err, notYetInitialized):
		return view{state: mongodb.StateStartup}, nil
	case isError(err, invalidReplicaSetConfig): // it has a configuration in which it is not
		status.MyState = int(mongodb.StateRemoved)
	case err != nil:
		return v, err
	}
	v = view{
		state: mongodb.State(status.MyState), leads: said.IsWritablePrimary, primary: said.Primary, term: status.Term,
		source: status.SyncSource, seen: seenIn(status),
	}
	answer, err := askConfig(ctx, at, v.leads)
	if err != nil {
		return v, err
	}
	v.document, v.committed = answer.Document, answer.Committed
	v.config, err = readConfig(answer.Document)
	return v, err
}

// seenIn are the members of a set as a server sees them.
func seenIn(status setStatus) (seen []mongodb.Seen) {
	for _, m := range status.Members {
		seen = append(seen, mongodb.Seen{
			Host: m.Host, State: mongodb.State(m.State), Healthy: m.Health > 0, Self: m.Self,
			Optime: mongodb.Optime{Term: m.Applied.Term, Seconds: m.Applied.Timestamp.T, Increment: m.Applied.Timestamp.I},
		})
	}
	return seen
}

// readConfig is what AtlasDB knows of a configuration.
func readConfig(document bson.D) (c mongodb.Config, err error) {
	var known setDocument
	encoded, err := bson.Marshal(document)
	if err == nil {
		err = bson.Unmarshal(encoded, &known)
	}
	if err != nil {
		return c, fmt.Errorf("reading the set's configuration: %w", err)
	}
	c.Version = known.Version
	if id := known.Settings.ReplicaSetID; !id.IsZero() {
		c.ReplicaSetID = id.Hex()
	}
	for _, m := range known.Members {
		c.Members = append(c.Members, mongodb.ConfigMember{
			ID: m.ID, Host: m.Host, Votes: m.Votes, Priority: int(m.Priority),
		})
	}
	return c, nil
}

// set holds the view against the plan.
func (d *Driver) set(o observation) mongodb.ReplicaSet {
	return mongodb.ReplicaSet{
		Member: d.options.Member, Plan: o.Plan, Config: d.view.config, Committed: d.view.committed, Seen: d.view.seen,
	}
}

// self is how the server sees itself.
func (v view) self() mongodb.Seen {
	if i := slices.IndexFunc(v.seen, func(m mongodb.Seen) bool { return m.Self }); i >= 0 {
		return v.seen[i]
	}
	return mongodb.Seen{}
}

// position is how far the server's data goes, electable that it may be primary.
func (v view) position() mongodb.Optime { return v.self().Optime }
func (v view) electable() bool          { return v.config.Electable(v.self().Host) }
