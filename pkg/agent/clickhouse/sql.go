// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	chgo "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Dial opens a connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// The own server listens at local, whatever else it listens at, and its certificate is good for localhost.
const local, localhost = "127.0.0.1", "localhost"

// login is who asks a server, and where that is.
type login struct {
	// address is where the server is, host the name in its certificate.
	address, host      string
	username, password string
	dial               Dial
	// certificates is where those of the cluster are.
	certificates string
}

// connect gives a client with one connection, which is made when it is asked for. It asks in the database system, which
// every user may read.
func connect(to login) (driver.Conn, error) {
	roots, err := authority(to.certificates)
	if err != nil {
		return nil, err
	}
	dial := to.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	secured := &tls.Config{RootCAs: roots, ServerName: to.host, MinVersion: tls.VersionTLS12}
	client, err := chgo.Open(&chgo.Options{
		Addr: []string{net.JoinHostPort(to.address, strconv.Itoa(clickhouse.NativePort))},
		Auth: chgo.Auth{Database: "system", Username: to.username, Password: to.password},
		DialContext: func(ctx context.Context, address string) (net.Conn, error) {
			plain, err := dial(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			return tls.Client(plain, secured), nil
		},
		// A server that hangs is given up before the agent's own watch thinks that it hangs too.
		DialTimeout: answerWithin, ReadTimeout: stepWithin, MaxOpenConns: 1, MaxIdleConns: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("making a client of the server: %w", err)
	}
	return client, nil
}

// authority is who signed the certificates of the cluster.
func authority(directory string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(filepath.Join(directory, resource.CACertKey))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the cluster's authority is no certificate")
	}
	return roots, nil
}

// membersPassword is what members say to each other.
func membersPassword(directory string) (string, error) {
	password, err := os.ReadFile(filepath.Join(directory, resource.ReplicationPasswordKey))
	if err != nil {
		return "", fmt.Errorf("reading the members' password: %w", err)
	}
	return strings.TrimSpace(string(password)), nil
}

// sibling is another member, as whom members log in to each other.
func (d *Driver) sibling(m engine.PlanMember) (driver.Conn, error) {
	if client := d.siblings[m.Host]; client != nil {
		return client, nil
	}
	password, err := membersPassword(d.options.CertificateDirectory)
	if err != nil {
		return nil, err
	}
	client, err := connect(login{
		address: m.Host, host: m.Host, username: clickhouse.InterserverUser, password: password,
		dial: d.options.Dial, certificates: d.options.CertificateDirectory,
	})
	if err != nil {
		return nil, err
	}
	d.siblings[m.Host] = client
	return client, nil
}

const (
	// answerWithin bounds each question that a pass asks a server, stepWithin each step.
	answerWithin = time.Second
	stepWithin   = 10 * time.Second
)

// each asks for rows, and hands one after the other to be scanned.
func each(ctx context.Context, client driver.Conn, query string, scan func(driver.Rows) error) error {
	rows, err := client.Query(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// number asks for one number.
func number(ctx context.Context, client driver.Conn, query string) (n uint64, err error) {
	err = client.QueryRow(ctx, query).Scan(&n)
	return n, err
}
