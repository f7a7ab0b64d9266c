// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// mongoDBSession is a session by the driver of MongoDB's vendor.
type mongoDBSession struct {
	client  *mongo.Client
	records *mongo.Collection
}

// openMongoDB opens one to whomever a Service leads to. It has one connection and tries nothing again: what the suite
// looks at is how an attempt ends.
func openMongoDB(ctx context.Context, route *frame.Route) (session, error) {
	o := optionsMongoDB(route).SetHosts([]string{net.JoinHostPort(route.Host, route.Port)}).SetDirect(true).
		SetMaxPoolSize(1).SetRetryWrites(false).SetRetryReads(false).SetServerSelectionTimeout(frame.ConnectTimeout).
		SetDialer(dialer(route.Dial))
	o.TLSConfig = route.TLS
	return connectMongoDB(ctx, o, route.Database)
}

// followMongoDB opens one as applications do: the URI names the members, and the driver finds the primary among them
// and retries a write that it was about to do.
func followMongoDB(ctx context.Context, route *frame.Route) (session, error) {
	o := optionsMongoDB(route).SetDialer(dialer(func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return route.DialMember(ctx, host)
	}))
	o.TLSConfig = trustOf(route.TLS, "") // the driver fills in whom it talks to
	return connectMongoDB(ctx, o, route.Database)
}

func optionsMongoDB(route *frame.Route) *options.ClientOptions {
	o := options.Client().ApplyURI(route.URI).SetConnectTimeout(frame.ConnectTimeout)
	if o.Auth != nil {
		o.Auth.Username, o.Auth.Password = route.Username, route.Password
	}
	return o
}

// dialer is what the driver takes to make connections.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext implements options.ContextDialer.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

func connectMongoDB(ctx context.Context, o *options.ClientOptions, database string) (session, error) {
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, err
	}
	if err := client.Ping(ctx, nil); err != nil {
		return nil, errors.Join(err, client.Disconnect(ctx))
	}
	return mongoDBSession{client: client, records: client.Database(database).Collection(seen)}, nil
}

// Write implements session, with the write concern that the server has by default. An update that finds nothing to
// change waits for a majority as well: what is there by an earlier attempt need not be everywhere.
func (s mongoDBSession) Write(ctx context.Context, record int) error {
	this := bson.D{{Key: "_id", Value: record}}
	_, err := s.records.UpdateOne(ctx, this, bson.D{{Key: "$setOnInsert", Value: this}},
		options.UpdateOne().SetUpsert(true))
	return err
}

// Read implements session.
func (s mongoDBSession) Read(ctx context.Context) ([]int, error) {
	found, err := s.records.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var all []struct {
		ID int `bson:"_id"`
	}
	if err := found.All(ctx, &all); err != nil {
		return nil, err
	}
	records := make([]int, len(all))
	for i, one := range all {
		records[i] = one.ID
	}
	return records, nil
}

// Setting implements session, for a login that may ask; that of the binding may not.
func (s mongoDBSession) Setting(ctx context.Context, name string) (string, error) {
	var answer bson.M
	ask := bson.D{{Key: "getParameter", Value: 1}, {Key: name, Value: 1}}
	err := s.client.Database("admin").RunCommand(ctx, ask).Decode(&answer)
	return fmt.Sprint(answer[name]), err
}

// Close implements session. The server may be gone; nobody waits for its farewell.
func (s mongoDBSession) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.client.Disconnect(ctx)
}
