// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// mongoDB keeps a trial's rows as documents that count how often each was written, so that a second execution of a
// write shows. They have no order. Its sessions write as applications do: the driver sends a write whose answer is
// missing once more, to whoever is primary then, and the server knows it again.
var mongoDB = &engine{
	kind: v1alpha1.EngineMongoDB, version: "8.0", connect: connectMongoDB, simulated: true,
	server: isProgram("mongod"), receiver: isProgram("mongod"),
	// There is neither a Lease nor a guard; an agent that is stopped takes nothing from its server.
	faults: []string{
		"engine-killed", "agent-killed", "container-frozen", "pod-deleted", "replica-slow", "switchover", "api-down",
		"node-stopped", "cable-cut", "operator-down", "operator-and-node-lost", "pod-force-deleted", "recreated",
	},
	inCI: []string{"engine-killed"},
}

// mongoConn is a session of the vendor's driver. What that does behind its back it writes down: every attempt, and who
// acknowledged.
type mongoConn struct {
	client   *mongo.Client
	database *mongo.Database
	failed   bool

	mu       sync.Mutex
	attempts []error
	life     string
}

func connectMongoDB(ctx context.Context, r route) (_ conn, life string, err error) {
	o := options.Client().ApplyURI(r.uri)
	if len(o.Hosts) == 0 {
		return nil, "", errors.Join(errors.New("the URI names no member"), o.Validate())
	}
	_, port, err := net.SplitHostPort(o.Hosts[0])
	if err != nil {
		return nil, "", err
	}
	c := &mongoConn{}
	o.SetHosts([]string{net.JoinHostPort(r.address, port)}).SetDirect(true).SetDialer(mongoDialer{r}).
		SetMaxPoolSize(1).SetServerSelectionTimeout(writeTimeout).
		SetMonitor(&event.CommandMonitor{
			Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { c.tried(e.CommandName, nil, e.Reply) },
			Failed:    func(_ context.Context, e *event.CommandFailedEvent) { c.tried(e.CommandName, e.Failure, nil) },
		})
	o.TLSConfig = nil // what is dialled is encrypted already
	if c.client, err = mongo.Connect(o); err != nil {
		return nil, "", err
	}
	c.database = c.client.Database("app")
	if err = c.introduce(ctx); err != nil {
		return nil, "", errors.Join(err, c.client.Disconnect(ctx))
	}
	return c, c.life, nil
}

// mongoDialer makes the driver's connections.
type mongoDialer struct{ route route }

// DialContext implements options.ContextDialer.
func (d mongoDialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return d.route.open(ctx, address)
}

// introduce logs in and asks whose life answers.
func (c *mongoConn) introduce(ctx context.Context) error {
	var hello struct {
		Me       string        `bson:"me"`
		Election bson.ObjectID `bson:"electionId"`
	}
	// The login is proved by a command that needs one; hello does not.
	err := c.database.RunCommand(ctx, bson.D{{Key: "listCollections", Value: 1}, {Key: "nameOnly", Value: true}}).Err()
	if err == nil {
		err = c.database.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	}
	c.life = lifeOf(hello.Election)
	if hello.Election.IsZero() {
		c.life = hello.Me + " as a secondary"
	}
	return err
}

// lifeOf is the life of a primary. No term has two, and the id of an election ends in its term.
func lifeOf(election bson.ObjectID) string {
	return fmt.Sprintf("primary of term %d", binary.BigEndian.Uint64(election[4:]))
}

// tried notes what became of an attempt to write; others, such as those to log in, do not count.
func (c *mongoConn) tried(command string, err error, reply bson.Raw) {
	if command != "update" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, err)
	if election, ok := reply.Lookup("electionId").ObjectIDOK(); ok {
		c.life = lifeOf(election)
	}
}

func (c *mongoConn) broken() bool { return c.failed }

// primary is who acknowledged last.
func (c *mongoConn) primary() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life
}

func (c *mongoConn) write(ctx context.Context, table string, session int, seq int64) (outcome, error) {
	c.mu.Lock()
	c.attempts = nil
	c.mu.Unlock()
	_, err := c.database.Collection(table).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: fmt.Sprintf("%d:%d", session, seq)}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "times", Value: 1}}}}, options.UpdateOne().SetUpsert(true))
	c.mu.Lock()
	defer c.mu.Unlock()
	// Once a secondary the server may be primary again, and would be another then.
	c.failed = err != nil
	return judgeMongoDB(err, c.attempts), err
}

// judgeMongoDB tells what an answer is worth. It is a refusal only if each attempt was one: after an attempt without an
// answer a later one says nothing about the first.
func judgeMongoDB(err error, attempts []error) outcome {
	if err == nil {
		return acked
	}
	if slices.ContainsFunc(attempts, func(attempt error) bool { return !refusesMongoDB(attempt) }) {
		return unknown
	}
	return refused
}

// refusesMongoDB knows the errors that a server has before it begins: it is no primary, or the login is not good. An
// attempt that succeeded bears an error of its write concern, after which the row may be there.
func refusesMongoDB(attempt error) bool {
	const unauthorized, authenticationFailed, notWritablePrimary, notPrimaryOrSecondary = 13, 18, 10107, 13436
	answer, answered := errors.AsType[driver.Error](attempt)
	codes := []int32{unauthorized, authenticationFailed, notWritablePrimary, notPrimaryOrSecondary}
	return answered && slices.Contains(codes, answer.Code)
}

func (c *mongoConn) prepare(ctx context.Context, table string) error {
	return c.database.Collection(table).Drop(ctx)
}

// rows are placed by session and number: documents have no order of their own.
func (c *mongoConn) rows(ctx context.Context, table string) ([]row, error) {
	found, err := c.database.Collection(table).Find(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var documents []struct {
		ID    string `bson:"_id"`
		Times int    `bson:"times"`
	}
	if err := found.All(ctx, &documents); err != nil {
		return nil, err
	}
	var rows []row
	for _, d := range documents {
		var r row
		if _, err := fmt.Sscanf(d.ID, "%d:%d", &r.Session, &r.Seq); err != nil {
			return nil, fmt.Errorf("%s has %q: %w", table, d.ID, err)
		}
		r.Placed = r.Seq
		rows = append(rows, slices.Repeat([]row{r}, d.Times)...)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Seq, b.Seq))
	})
	return rows, nil
}

func (c *mongoConn) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.client.Disconnect(ctx)
}
