// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// What servers answer, as far as it is needed. Each type names the page of MongoDB's manual that has the shape; fields
// that are there only in some states are zero in the others.

// hello tells what part a server plays (https://www.mongodb.com/docs/manual/reference/command/hello/).
type hello struct {
	IsWritablePrimary bool `bson:"isWritablePrimary"`
	// Primary is the host of the primary that the server knows of.
	Primary string `bson:"primary"`
}

// opTime is a position in the oplog.
type opTime struct {
	Timestamp bson.Timestamp `bson:"ts"`
	Term      int64          `bson:"t"`
}

// setStatus is the set as a server sees it (https://www.mongodb.com/docs/manual/reference/command/replSetGetStatus/).
type setStatus struct {
	MyState int   `bson:"myState"`
	Term    int64 `bson:"term"`
	// SyncSource is the host that a secondary copies from, "" for nobody.
	SyncSource string         `bson:"syncSourceHost"`
	Members    []memberStatus `bson:"members"`
}

// memberStatus is a member of the set as a server sees it.
type memberStatus struct {
	Host   string  `bson:"name"`
	Health float64 `bson:"health"`
	State  int     `bson:"state"`
	// Applied is how far its data goes.
	Applied opTime `bson:"optime"`
	Self    bool   `bson:"self"`
}

// setConfig is https://www.mongodb.com/docs/manual/reference/command/replSetGetConfig/. The document is kept whole:
// what AtlasDB does not know of it stays when it is changed.
type setConfig struct {
	Document  bson.D `bson:"config"`
	Committed bool   `bson:"commitmentStatus"`
}

// setDocument is the part of a set's configuration that is read
// (https://www.mongodb.com/docs/manual/reference/replica-configuration/).
type setDocument struct {
	Version  int64       `bson:"version"`
	Members  []setMember `bson:"members"`
	Settings struct {
		ReplicaSetID bson.ObjectID `bson:"replicaSetId"`
	} `bson:"settings"`
}

// setMember is a member in it.
type setMember struct {
	ID       int     `bson:"_id"`
	Host     string  `bson:"host"`
	Votes    int     `bson:"votes"`
	Priority float64 `bson:"priority"`
}

// buildInfo is https://www.mongodb.com/docs/manual/reference/command/buildInfo/.
type buildInfo struct {
	Version string `bson:"version"`
}

// writeConcern is https://www.mongodb.com/docs/manual/reference/command/getDefaultRWConcern/. W is a word or a number.
type writeConcern struct {
	Default struct {
		W any `bson:"w"`
	} `bson:"defaultWriteConcern"`
}

// compatibility is the answer of getParameter for the feature compatibility version
// (https://www.mongodb.com/docs/manual/reference/command/setFeatureCompatibilityVersion/). While it changes it is the
// one that it is changed from.
type compatibility struct {
	Version struct {
		Current string `bson:"version"`
	} `bson:"featureCompatibilityVersion"`
}

func askHello(ctx context.Context, at *mongo.Client) (hello, error) {
	return ask[hello](ctx, at, mongodb.AuthDatabase, bson.D{{Key: "hello", Value: 1}})
}

func askStatus(ctx context.Context, at *mongo.Client) (setStatus, error) {
	return ask[setStatus](ctx, at, mongodb.AuthDatabase, bson.D{{Key: "replSetGetStatus", Value: 1}})
}

func askVersion(ctx context.Context, at *mongo.Client) (string, error) {
	answer, err := ask[buildInfo](ctx, at, mongodb.AuthDatabase, bson.D{{Key: "buildInfo", Value: 1}})
	return answer.Version, err
}

// askConfig asks for the set's configuration. Whether it is in force for good only a primary knows.
func askConfig(ctx context.Context, at *mongo.Client, primary bool) (setConfig, error) {
	command := bson.D{{Key: "replSetGetConfig", Value: 1}}
	if primary {
		command = append(command, bson.E{Key: "commitmentStatus", Value: true})
	}
	return ask[setConfig](ctx, at, mongodb.AuthDatabase, command)
}

func askCompatibility(ctx context.Context, at *mongo.Client) (compatibility, error) {
	return ask[compatibility](ctx, at, mongodb.AuthDatabase, bson.D{
		{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1},
	})
}
