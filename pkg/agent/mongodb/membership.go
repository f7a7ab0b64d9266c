// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// moveWithin bounds one change of the set: it waits for a majority to have the configuration.
const moveWithin = 10 * time.Second

// move makes the next change of the set that this member is to make, and says whether there may be more.
func (d *Driver) move(ctx context.Context, o runbook.Observation) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	set := d.set(o)
	m, _, err := d.volume.mark()
	if err != nil {
		return false, err
	}
	set.Joined = !m.virgin(o.Plan)
	if set.Others, err = d.askOthers(ctx, set); err != nil {
		return false, err
	}
	next, due := set.Next()
	if !due {
		return false, nil
	}
	klog.FromContext(ctx).Info("Changing the replica set", "move", next.Kind, "host", next.Host)
	if next.Kind == mongodb.Initiate {
		return true, d.initiate(ctx, next)
	}
	return true, reconfigure(ctx, d.run.client, d.view, next)
}

// askOthers asks the servers of planned members for their set: before one begins, and before one of them is added.
func (d *Driver) askOthers(ctx context.Context, set mongodb.ReplicaSet) (others []mongodb.Other, err error) {
	var unknown []engine.PlanMember
	for _, m := range d.others(set.Plan) {
		if _, there := set.Config.Find(mongodb.HostOf(m)); !there {
			unknown = append(unknown, m)
		}
	}
	if begins := !set.Config.InSet() && set.Plan.Initialiser == d.options.Member; !begins && !d.view.leads {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, siblingsWithin)
	defer cancel()
	for m, id := range atEach(ctx, d, unknown, askIdentity) {
		others = append(others, mongodb.Other{Member: m.Name, ReplicaSetID: id})
	}
	return others, nil
}

// askIdentity asks a server for the identity of its set; "" when it never was in one.
func askIdentity(ctx context.Context, at *mongo.Client) (id string, err error) {
	answer, err := askConfig(ctx, at, false)
	if isError(err, notYetInitialized) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c, err := readConfig(answer.Document)
	return c.ReplicaSetID, err
}

// initiate begins the set, with this member alone. That it is about to is on the disk before; whatever becomes of the
// agent, the server's own configuration says afterwards whether it has.
func (d *Driver) initiate(ctx context.Context, m mongodb.Move) error {
	if err := d.volume.change(func(v *mark) { v.Initiating = true }); err != nil {
		return err
	}
	first := mongodb.Config{}.After(m).Members[0]
	return tell(ctx, d.run.client, bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: mongodb.ReplicaSetName},
		{Key: "version", Value: 1},
		{Key: "members", Value: bson.A{memberDocument(first)}},
		{Key: "settings", Value: bson.D{
			{Key: "electionTimeoutMillis", Value: mongodb.ElectionTimeout.Milliseconds()},
			{Key: "heartbeatIntervalMillis", Value: mongodb.HeartbeatInterval.Milliseconds()},
		}},
	}}})
}

// reconfigure changes the set's configuration by one move, and leaves all of it alone that the move is not about. It
// takes a majority, and is never forced.
func reconfigure(ctx context.Context, primary *mongo.Client, v view, m mongodb.Move) error {
	document, err := changed(v.document, v.config.After(m))
	if err != nil {
		return err
	}
	err = tell(ctx, primary, bson.D{
		{Key: "replSetReconfig", Value: document}, {Key: "maxTimeMS", Value: moveWithin.Milliseconds() / 2},
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", m.Kind, m.Host, err)
	}
	return nil
}

// memberDocument is a member that joins.
func memberDocument(m mongodb.ConfigMember) bson.D {
	return bson.D{
		{Key: "_id", Value: m.ID}, {Key: "host", Value: m.Host}, {Key: "votes", Value: m.Votes},
		{Key: "priority", Value: m.Priority},
	}
}

// changed is a configuration's document with the version and the members of another. What AtlasDB knows nothing of
// stays as it is.
func changed(document bson.D, to mongodb.Config) (bson.D, error) {
	had, err := membersIn(document)
	if err != nil {
		return nil, err
	}
	members := bson.A{}
	for _, m := range to.Members {
		kept, there := had[m.Host]
		if !there {
			kept = memberDocument(m)
		}
		members = append(members, with(with(kept, "votes", m.Votes), "priority", m.Priority))
	}
	return with(with(document, "version", to.Version), "members", members), nil
}

// membersIn are the documents of a configuration's members, by host.
func membersIn(document bson.D) (map[string]bson.D, error) {
	members, ok := value(document, "members").(bson.A)
	if !ok {
		return nil, errors.New("the set's configuration has no members")
	}
	found := map[string]bson.D{}
	for _, m := range members {
		member, ok := m.(bson.D)
		host, named := value(member, "host").(string)
		if !ok || !named {
			return nil, errors.New("a member of the set's configuration has no host")
		}
		found[host] = member
	}
	return found, nil
}

// value gives the value of a key; nil when there is none.
func value(document bson.D, key string) any {
	for _, e := range document {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// with is a document with one value changed or added.
func with(document bson.D, key string, to any) bson.D {
	changed := make(bson.D, 0, len(document)+1)
	found := false
	for _, e := range document {
		if e.Key == key {
			e.Value, found = to, true
		}
		changed = append(changed, e)
	}
	if !found {
		changed = append(changed, bson.E{Key: key, Value: to})
	}
	return changed
}
