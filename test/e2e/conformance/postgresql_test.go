// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// postgreSQL is a session by pgx.
type postgreSQL struct{ conn *pgx.Conn }

func openPostgreSQL(ctx context.Context, route *frame.Route) (session, error) {
	config, err := route.PostgreSQL()
	if err != nil {
		return nil, err
	}
	config.User, config.Password = route.Username, route.Password
	conn, err := pgx.ConnectConfig(ctx, config)
	return postgreSQL{conn}, err
}

// undefinedTable is the SQLSTATE of a table that is not there yet.
const undefinedTable = "42P01"

// Write implements session.
func (s postgreSQL) Write(ctx context.Context, record int) error {
	const insert = "INSERT INTO seen VALUES ($1) ON CONFLICT DO NOTHING"
	_, err := s.conn.Exec(ctx, insert, record)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == undefinedTable {
		if _, err = s.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS seen (n int PRIMARY KEY)"); err == nil {
			_, err = s.conn.Exec(ctx, insert, record)
		}
	}
	return err
}

// Read implements session.
func (s postgreSQL) Read(ctx context.Context) ([]int, error) {
	rows, err := s.conn.Query(ctx, "SELECT n FROM seen ORDER BY n")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// Setting implements session.
func (s postgreSQL) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}

// Close implements session. The server may be gone; nobody waits for its farewell.
func (s postgreSQL) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.conn.Close(ctx)
}
