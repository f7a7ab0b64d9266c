// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
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

// unknownTable is the code of a table that is not there yet. withoutKeeper are those of a server that has no Keeper to
// make a replicated table with, or to tell other members of it.
const unknownTable = 60

var withoutKeeper = []int32{139, 225}

// Write implements session. A block that is the same as an earlier one changes nothing, and is looked for among the
// newest only; those who read leave out what is there twice.
func (s clickHouseSession) Write(ctx context.Context, record int) error {
	err := s.insert(ctx, record)
	if isException(err, unknownTable) {
		if err = s.makeTable(ctx); err == nil {
			err = s.insert(ctx, record)
		}
	}
	return err
}

func isException(err error, codes ...int32) bool {
	refused, ok := errors.AsType[*clickhouse.Exception](err)
	return ok && slices.Contains(codes, refused.Code)
}

func (s clickHouseSession) insert(ctx context.Context, record int) error {
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO seen (n)") // an old server tells no client what columns there are
	if err != nil {
		return err
	}
	if err := batch.Append(uint32(record)); err != nil {
		return errors.Join(err, batch.Abort())
	}
	return batch.Send()
}

// makeTable makes the table on every member. With a version of today it is enough to ask one of them, and where in the
// Keeper it is that finds out by itself. A member that is alone has no Keeper, and nobody to share its tables with.
func (s clickHouseSession) makeTable(ctx context.Context) error {
	version, err := s.conn.ServerVersion()
	if err != nil {
		return err
	}
	everywhere, replicated := "", "ReplicatedMergeTree"
	if version.Version.Major < 24 {
		everywhere = "ON CLUSTER '{cluster}'"
		replicated += "('/clickhouse/tables/{shard}/app/seen', '{replica}')"
	}
	const table = "CREATE TABLE IF NOT EXISTS seen %s (n UInt32) ENGINE = %s ORDER BY n"
	err = s.conn.Exec(ctx, fmt.Sprintf(table, everywhere, replicated))
	if isException(err, withoutKeeper...) {
		err = s.conn.Exec(ctx, fmt.Sprintf(table, "", "MergeTree"))
	}
	return err
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
