// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Dial connects to an address, if not as the network has it; for tests.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext makes a Dial what the client library wants.
func (d Dial) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return d(ctx, network, address)
}

// Access is how the agent logs in at servers of its set: as the members do among each other, with what is in the
// keyfile. A server lets it in that has no data yet, or none that it may show; and no user's document tells of it.
type Access struct {
	// certificates is the directory with the authority, and with what the members share.
	certificates string
	dial         Dial
}

const (
	// local is where the own server is reached, which needs no DNS; its certificate is good for localhost.
	local, localhost = "127.0.0.1", "localhost"
	// connectWithin is how long a server may take to be reached.
	connectWithin = 2 * time.Second
	// maxConnections bounds what the agent takes of the server's connections.
	maxConnections = 4
	// clientName is what the agent's connections are called in the server's log.
	clientName = "atlasdb-agent"
)

// toSelf makes a client of the own server. The monitor, if there is one, hears whatever that becomes.
func (a Access) toSelf(monitor *event.ServerMonitor) (*mongo.Client, error) {
	return a.connect(local, localhost, monitor)
}

// toSibling makes a client of another member's server.
func (a Access) toSibling(m engine.PlanMember) (*mongo.Client, error) {
	return a.connect(m.Host, m.Host, nil)
}

// connect makes a client that speaks to one server, whatever part that plays, and tries nothing twice: that it does not
// answer is what its caller is to find out.
func (a Access) connect(address, host string, monitor *event.ServerMonitor) (*mongo.Client, error) {
	secured, err := a.trust(host)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(a.certificates)
	if err != nil {
		return nil, err
	}
	o := options.Client().
		SetHosts([]string{net.JoinHostPort(address, strconv.Itoa(mongodb.ClientPort))}).SetDirect(true).
		SetAuth(options.Credential{
			AuthMechanism: mongodb.Mechanism, AuthSource: mongodb.MemberDatabase,
			Username: mongodb.MemberUser, Password: key,
		}).
		SetTLSConfig(secured).SetDialer(a.dial).SetAppName(clientName).
		SetMinPoolSize(1).SetMaxPoolSize(maxConnections).
		SetRetryReads(false).SetRetryWrites(false).SetServerSelectionTimeout(connectWithin).SetServerMonitor(monitor)
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("making a client of %s: %w", host, err)
	}
	return client, nil
}

// trust makes the client believe in the server of a host, by the cluster's own authority alone.
func (a Access) trust(host string) (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(a.certificates, resource.CACertKey))
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority's certificate cannot be read")
	}
	return &tls.Config{RootCAs: trusted, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}

// keyOf is the content of the keyfile.
func keyOf(certificates string) (string, error) {
	shared, err := os.ReadFile(filepath.Join(certificates, resource.ReplicationPasswordKey))
	if err != nil {
		return "", fmt.Errorf("reading what the members share: %w", err)
	}
	return mongodb.KeyFile(strings.TrimSpace(string(shared))), nil
}

// disconnect ends a client at once. The library would say farewell to a server that is dead, and wait for its answer.
func disconnect(ctx context.Context, client *mongo.Client) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_ = client.Disconnect(ctx) // its connections are closed either way
}

// ask runs a command on a database, and reads the answer.
func ask[T any](ctx context.Context, at *mongo.Client, database string, command bson.D) (answer T, err error) {
	if err := at.Database(database).RunCommand(ctx, command).Decode(&answer); err != nil {
		return answer, fmt.Errorf("%s: %w", command[0].Key, err)
	}
	return answer, nil
}

// tell runs a command on the database admin, whose answer says nothing.
func tell(ctx context.Context, at *mongo.Client, command bson.D) error {
	_, err := ask[bson.Raw](ctx, at, mongodb.AuthDatabase, command)
	return err
}

// Errors of the server that mean something here
// (https://github.com/mongodb/mongo/blob/v8.0/src/mongo/base/error_codes.yml).
const (
	invalidReplicaSetConfig = 93
	notYetInitialized       = 94
)

// isError says that the server itself answered with an error of one of some codes.
func isError(err error, codes ...int) bool {
	said := mongo.ServerError(nil)
	if !errors.As(err, &said) {
		return false
	}
	return slices.ContainsFunc(codes, said.HasErrorCode)
}
