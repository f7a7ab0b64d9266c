// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// mechanism is how members log in to each other.
const mechanism = "SCRAM-SHA-256"

// Login is the user by which members know each other, with the keyfile's content as the password.
const (
	Login         = "__system"
	LoginDatabase = "local"
)

// CommandError is a command's own answer that it failed.
type CommandError struct {
	Code     int32  `bson:"code"`
	CodeName string `bson:"codeName"`
	Message  string `bson:"errmsg"`
}

func (f *CommandError) Error() string {
	return fmt.Sprintf("%s (%d): %s", f.CodeName, f.Code, f.Message)
}

// Client is a member's connection to another member. One command at a time: each of those who talk has its own.
type Client struct{ conn, raw net.Conn }

// Secret is the keyfile's content as a login's secret. One is for all connections: it remembers what it has computed,
// which takes longer than all else.
func Secret(key string) (*scram.Client, error) { return scram.SHA256.NewClient(Login, key, "") }

// Enter logs in as a member over a connection to another, with TLS unless config is nil.
func Enter(ctx context.Context, conn net.Conn, config *tls.Config, secret *scram.Client) (*Client, error) {
	c := &Client{conn: conn, raw: conn}
	if config != nil {
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		c.conn = encrypted
	}
	if err := c.login(ctx, secret); err != nil {
		return nil, errors.Join(fmt.Errorf("log in: %w", err), c.Close())
	}
	return c, nil
}

// Close ends the connection, and with it a command that is under way, without TLS's goodbye: that would wait for a peer
// that is gone.
func (c *Client) Close() error { return c.raw.Close() }

func (c *Client) login(ctx context.Context, secret *scram.Client) error {
	conversation := secret.NewConversation()
	first, err := conversation.Step("")
	if err != nil {
		return err
	}
	command := bson.D{{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: mechanism},
		{Key: "payload", Value: []byte(first)}, {Key: "options", Value: bson.D{{Key: "skipEmptyExchange", Value: true}}}}
	for {
		var reply struct {
			ID      int32  `bson:"conversationId"`
			Done    bool   `bson:"done"`
			Payload []byte `bson:"payload"`
		}
		if err := c.Run(ctx, LoginDatabase, command, &reply); err != nil {
			return err
		}
		next, err := conversation.Step(string(reply.Payload))
		if err != nil || reply.Done {
			return err
		}
		command = bson.D{{Key: "saslContinue", Value: 1}, {Key: "conversationId", Value: reply.ID},
			{Key: "payload", Value: []byte(next)}}
	}
}

// Run sends a command and decodes its reply into result, unless that is nil. A reply that says that the command failed
// is returned as a CommandError. The context's end also ends the connection.
func (c *Client) Run(ctx context.Context, database string, command bson.D, result any) error {
	body, err := bson.Marshal(append(command, bson.E{Key: "$db", Value: database}))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := Message{RequestID: wiremessage.NextRequestID(), Body: body}
	if _, err := c.conn.Write(request.Bytes()); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	reply, err := Read(c.conn)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return decode(reply.Body, result)
}

func decode(reply bson.Raw, result any) error {
	if ok, _ := reply.Lookup("ok").AsFloat64OK(); ok != 1 {
		failure := &CommandError{}
		if err := bson.Unmarshal(reply, failure); err != nil {
			return err
		}
		return failure
	}
	if result == nil {
		return nil
	}
	return bson.Unmarshal(reply, result)
}
