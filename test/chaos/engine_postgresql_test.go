// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// postgresql keeps a trial's rows in a table without a key: a second row of the same number must be seen, not refused.
var postgresql = &engine{
	kind: v1alpha1.EnginePostgreSQL, version: "17", connect: connectPostgreSQL,
	server: isPostgres, receiver: isWALReceiver,
	inCI: []string{"engine-killed", "agent-killed", "pod-deleted", "cable-cut"},
}

func isPostgres(p process) bool { return filepath.Base(p.argv[0]) == "postgres" }

// isWALReceiver finds what receives from the primary; PostgreSQL writes its title over the arguments.
func isWALReceiver(p process) bool {
	return strings.HasPrefix(p.argv[0], "postgres:") && strings.Contains(p.argv[0], " walreceiver ")
}

// postgresConn is a connection to a PostgreSQL server.
type postgresConn struct {
	*pgx.Conn
	// warned says that the server has warned during the current statement.
	warned bool
}

// connectPostgreSQL tells lives apart by address and start of the postmaster: a primary that becomes a replica is
// started anew.
func connectPostgreSQL(ctx context.Context, r route) (_ conn, life string, err error) {
	config, err := pgx.ParseConfig(r.uri)
	if err != nil {
		return nil, "", err
	}
	config.Host, config.TLSConfig, config.ConnectTimeout, config.Fallbacks = r.address, r.tls, connectTimeout, nil
	if r.dial != nil {
		config.DialFunc = r.dial
	}
	c := &postgresConn{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.warned = c.warned || n.SeverityUnlocalized == "WARNING"
	}
	if c.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, "", err
	}
	err = c.QueryRow(ctx, "SELECT host(inet_server_addr()) || ' since ' || pg_postmaster_start_time()::text",
		pgx.QueryExecModeExec).Scan(&life)
	if err != nil {
		return nil, "", errors.Join(err, c.Close(ctx))
	}
	return c, life, nil
}

func (c *postgresConn) broken() bool { return c.IsClosed() }

func (c *postgresConn) write(ctx context.Context, table string, session int, seq int64) (outcome, error) {
	c.warned = false
	insert := fmt.Sprintf("INSERT INTO %s (session, seq) VALUES ($1, $2)", pgx.Identifier{table}.Sanitize())
	_, err := c.Exec(ctx, insert, pgx.QueryExecModeExec, session, seq)
	return judgePostgreSQL(err, c.warned), err
}

// judgePostgreSQL tells what an answer is worth. A commit whose wait for replicas was cancelled is answered with a
// warning and the usual success: it is on one member only and promises nothing. A FATAL error may strike a session
// between its commit and its answer.
func judgePostgreSQL(err error, warned bool) outcome {
	if err == nil {
		if warned {
			return unknown
		}
		return acked
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.SeverityUnlocalized == "ERROR" {
		return refused
	}
	if pgconn.SafeToRetry(err) { // it was never sent
		return refused
	}
	return unknown
}

func (c *postgresConn) prepare(ctx context.Context, table string) error {
	name := pgx.Identifier{table}.Sanitize()
	_, err := c.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s; CREATE TABLE %s (session int, seq bigint, "+
		"placed bigint GENERATED ALWAYS AS IDENTITY)", name, name))
	return err
}

func (c *postgresConn) rows(ctx context.Context, table string) ([]row, error) {
	found, err := c.Query(ctx, "SELECT session, seq, placed FROM "+pgx.Identifier{table}.Sanitize()+
		" ORDER BY placed, session, seq")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowToStructByPos[row])
}

func (c *postgresConn) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ended)
}
