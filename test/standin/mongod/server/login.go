// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/document"
	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// usersNamespace is where the users are, as documents like all others: whoever can write there can make users.
const usersNamespace = "admin.system.users"

// mechanism is the only way to log in.
const mechanism = "SCRAM-SHA-256"

// login is who a connection has logged in as, and a conversation that may lead to another.
type login struct {
	user, database string
	conversation   *scram.ServerConversation
	claimed        string
	skipEmpty      bool
}

// credentials is a user's verifier, as admin.system.users has it; the password is not in it.
type credentials struct {
	Iterations int    `bson:"iterationCount"`
	Salt       string `bson:"salt"`
	StoredKey  string `bson:"storedKey"`
	ServerKey  string `bson:"serverKey"`
}

func (s *Server) saslStart(_ context.Context, r *request) (bson.D, error) {
	return s.startLogin(r.connection, r.body, r.database)
}

// startLogin begins a conversation, which saslStart asks for, or a hello that speculates on it.
func (s *Server) startLogin(c *connection, start bson.Raw, database string) (bson.D, error) {
	if asked, _ := start.Lookup("mechanism").StringValueOK(); asked != mechanism {
		return nil, fail(badValue, "received authentication for mechanism %s which is not enabled", asked)
	}
	server, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		return s.verifier(user, database)
	})
	if err != nil {
		return nil, err
	}
	skip, _ := start.Lookup("options", "skipEmptyExchange").BooleanOK()
	c.login = login{conversation: server.NewConversation(), claimed: database, skipEmpty: skip}
	return s.stepLogin(c, start)
}

func (s *Server) saslContinue(_ context.Context, r *request) (bson.D, error) {
	if r.login.conversation == nil {
		return nil, fail(authenticationFailed, "no SASL session state found")
	}
	return s.stepLogin(r.connection, r.body)
}

func (s *Server) stepLogin(c *connection, step bson.Raw) (bson.D, error) {
	_, payload, _ := step.Lookup("payload").BinaryOK()
	conversation := c.login.conversation
	answer := ""
	if !conversation.Done() {
		var err error
		if answer, err = conversation.Step(string(payload)); err != nil {
			c.login = login{}
			s.log.Info("Authentication failed", "remote", c.conn.RemoteAddr().String(), "error", err.Error())
			return nil, fail(authenticationFailed, "Authentication failed.")
		}
		if conversation.Done() && !c.login.skipEmpty {
			return saslReply(answer, false), nil
		}
	}
	if conversation.Done() {
		c.login = login{user: conversation.Username(), database: c.login.claimed}
	}
	return saslReply(answer, conversation.Done()), nil
}

func saslReply(payload string, done bool) bson.D {
	return bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: done},
		{Key: "payload", Value: []byte(payload)}}
}

// verifier is what a password is checked against: the keyfile's for a member, the user's document otherwise.
func (s *Server) verifier(user, database string) (scram.StoredCredentials, error) {
	if user == wire.Login && database == wire.LoginDatabase {
		return s.options.member, nil
	}
	var found struct {
		Credentials map[string]credentials `bson:"credentials"`
	}
	if err := bson.Unmarshal(s.user(user, database), &found); err != nil {
		return scram.StoredCredentials{}, err
	}
	return found.Credentials[mechanism].decode()
}

// user is a user's document, or an empty one.
func (s *Server) user(user, database string) bson.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := document.Value(database + "." + user)
	if found := s.oplog.Documents.Get(usersNamespace, id); err == nil && found != nil {
		return found
	}
	return bson.Raw{5, 0, 0, 0, 0}
}

func (c credentials) decode() (stored scram.StoredCredentials, err error) {
	if c.Iterations < 1 {
		return stored, fmt.Errorf("no such user with %s", mechanism)
	}
	var decoded [3][]byte
	for i, text := range []string{c.Salt, c.StoredKey, c.ServerKey} {
		if decoded[i], err = base64.StdEncoding.DecodeString(text); err != nil {
			return stored, err
		}
	}
	stored.KeyFactors = scram.KeyFactors{Salt: string(decoded[0]), Iters: c.Iterations}
	stored.StoredKey, stored.ServerKey = decoded[1], decoded[2]
	return stored, nil
}

// memberVerifier is computed once: it takes the most time of a login.
func memberVerifier(secret *scram.Client) (scram.StoredCredentials, error) {
	const saltSize, iterations = 28, 15000
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return scram.StoredCredentials{}, err
	}
	return secret.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
}

func (s *Server) logout(_ context.Context, r *request) (bson.D, error) {
	r.login = login{}
	return bson.D{}, nil
}
