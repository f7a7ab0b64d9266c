// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// clickHouseSession is a session by clickhouse-go and its native protocol.
type clickHouseSession struct{ conn driver.Conn }

func openClickHouse(ctx context.Context, route *frame.Route) (session, error) {
	options, err := clickhouse.ParseDSN(route.URI)
	if err != nil {
		return nil, err
	}
	options.Addr, options.TLS = []string{net.JoinHostPort(route.Host, route.Port)}, nil
	options.Auth.Username, options.Auth.Password = route.Username, route.Password
	// One connection. After an error the library makes another for the next statement, but it does not try one again.
	options.MaxOpenConns, options.MaxIdleConns = 1, 1
	options.DialContext = func(ctx context.Context, address string) (net.Conn, error) {
		return encrypted(route.TLS)(route.Dial(ctx, "tcp", address))
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, err
	}
	s := clickHouseSession{conn}
	if err := conn.Ping(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Member is the one that the session has come to: all of them take writes.
func (s clickHouseSession) Member(ctx context.Context) (name string, err error) {
	err = s.conn.QueryRow(ctx, "SELECT hostName()").Scan(&name)
	return name, err
}

// unknownTable is the code of a table that is not there yet.
const unknownTable = 60

// Write implements session. A block that is the same as an earlier one changes nothing, and is looked for among the
// newest only; those who read leave out what is there twice.
func (s clickHouseSession) Write(ctx context.Context, record int) error {
	insert := fmt.Sprintf("INSERT INTO seen VALUES (%d)", record)
	err := s.conn.Exec(ctx, insert)
	if refused := (*clickhouse.Exception)(nil); errors.As(err, &refused) && refused.Code == unknownTable {
		if err = s.makeTable(ctx); err == nil {
			err = s.conn.Exec(ctx, insert)
		}
	}
	return err
}

// makeTable makes the table on one member; the others get it by themselves. Only a version of today finds out where in
// the ensemble it is.
func (s clickHouseSession) makeTable(ctx context.Context) error {
	version, err := s.conn.ServerVersion()
	if err != nil {
		return err
	}
	place := ""
	if version.Version.Major < 24 {
		place = "('/clickhouse/tables/{shard}/seen', '{replica}')"
	}
	return s.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS seen (n UInt32) ENGINE = ReplicatedMergeTree"+place+" ORDER BY n")
}

// Read implements session.
func (s clickHouseSession) Read(ctx context.Context) ([]int, error) {
	rows, err := s.conn.Query(ctx, "SELECT DISTINCT n FROM seen ORDER BY n")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var records []int
	for rows.Next() {
		var n uint32
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		records = append(records, int(n))
	}
	return records, rows.Err()
}

// Setting implements session.
func (s clickHouseSession) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.conn.QueryRow(ctx, "SELECT value FROM system.settings WHERE name = "+quoted(name)).Scan(&value)
	return value, err
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

// Close implements session.
func (s clickHouseSession) Close() { _ = s.conn.Close() }
