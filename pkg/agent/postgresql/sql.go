// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// A server that hangs must not hang its agent: queryTimeout bounds the look at its state, tendTimeout all that one Tend
// does (a CREATE DATABASE copies files), promoteTimeout a promotion.
const (
	queryTimeout   = 3 * time.Second
	tendTimeout    = 30 * time.Second
	promoteTimeout = 40 * time.Second
)

// database is the agent's own connection to its server, over the local socket. search_path is pinned, because the agent
// is superuser and a tenant may have put functions of the same names into a schema of its own.
type database struct {
	directory string
	pool      *pgxpool.Pool
}

func (b *database) connect(ctx context.Context) (*pgxpool.Pool, error) {
	if b.pool != nil {
		return b.pool, nil
	}
	config, err := pgxpool.ParseConfig(fmt.Sprintf(
		"host=%s user=%s dbname=postgres sslmode=disable application_name=atlasdb-agent search_path=pg_catalog "+
			"statement_timeout=60s lock_timeout=10s default_transaction_read_only=off idle_session_timeout=0",
		b.directory, postgresql.SuperUser))
	if err != nil {
		return nil, err
	}
	config.MaxConns = 3
	b.pool, err = pgxpool.NewWithConfig(ctx, config)
	return b.pool, err
}

func (b *database) close() {
	if b.pool != nil {
		b.pool.Close()
		b.pool = nil
	}
}

func (b *database) exec(ctx context.Context, sql string, args ...any) error {
	pool, err := b.connect(ctx)
	if err != nil {
		return err
	}
	_, err = pool.Exec(ctx, sql, args...)
	return err
}

// state is what the running server says of itself.
type state struct {
	inRecovery bool
	timeline   int64
	position   uint64
	streaming  bool
	behind     int64
	version    string
}

// stateQuery takes the later of two timelines, since that of the last checkpoint lags behind after a switch.
const stateQuery = `
SELECT pg_is_in_recovery(),
       greatest((pg_control_checkpoint()).timeline_id, (pg_control_recovery()).min_recovery_end_timeline),
       (coalesce(pg_last_wal_replay_lsn(), CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END, '0/0')
         - '0/0')::numeric::bigint,
       coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::bigint,
       EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'),
       current_setting('server_version')`

func (b *database) state(ctx context.Context) (s state, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	pool, err := b.connect(ctx)
	if err != nil {
		return s, err
	}
	var position int64
	err = pool.QueryRow(ctx, stateQuery).Scan(&s.inRecovery, &s.timeline, &position, &s.behind, &s.streaming, &s.version)
	s.position = uint64(position)
	return s, err
}

func (b *database) reload(ctx context.Context) error { return b.exec(ctx, "SELECT pg_reload_conf()") }

func (b *database) pendingRestart(ctx context.Context) ([]string, error) {
	pool, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// provision makes the logins and databases that are missing and sets the passwords that differ. Nothing is dropped.
func (b *database) provision(ctx context.Context, plan engine.Plan) error {
	pool, err := b.connect(ctx)
	if err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// A statement that fails would be logged with the verifier in it.
	if _, err := conn.Exec(ctx, "SET log_min_error_statement = panic"); err != nil {
		return err
	}
	replication := engine.PlanUser{Name: postgresql.ReplicationUser}
	if err := ensureRole(ctx, conn, replication, "REPLICATION"); err != nil {
		return err
	}
	for _, user := range plan.Users {
		if err := ensureRole(ctx, conn, user, ""); err != nil {
			return err
		}
	}
	for _, db := range plan.Databases {
		if err := ensureDatabase(ctx, conn, db); err != nil {
			return err
		}
	}
	return nil
}

func ensureRole(ctx context.Context, conn *pgxpool.Conn, user engine.PlanUser, attributes string) error {
	var has *string
	err := conn.QueryRow(ctx, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", user.Name).Scan(&has)
	verb := "ALTER"
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		verb = "CREATE"
	case err != nil:
		return err
	case has == nil && user.Verifier == "", has != nil && *has == user.Verifier:
		return nil
	}
	sql := verb + " ROLE " + pgx.Identifier{user.Name}.Sanitize() + " LOGIN " + attributes
	if user.Verifier != "" {
		quoted, err := conn.Conn().PgConn().EscapeString(user.Verifier)
		if err != nil {
			return err
		}
		sql += " PASSWORD '" + quoted + "'"
	}
	_, err = conn.Exec(ctx, sql)
	return err
}

func ensureDatabase(ctx context.Context, conn *pgxpool.Conn, db engine.PlanDatabase) error {
	var exists bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", db.Name).Scan(&exists)
	if err != nil || exists {
		return err
	}
	name, owner := pgx.Identifier{db.Name}.Sanitize(), pgx.Identifier{db.Owner}.Sanitize()
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+owner)
	return err
}

const slotPattern = `^atlasdb_[0-9]+$`

func (b *database) keepSlots(ctx context.Context, wanted []string) error {
	err := b.exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
		WHERE slot_type = 'physical' AND NOT active AND slot_name ~ $1 AND NOT slot_name = ANY ($2)`, slotPattern, wanted)
	if err != nil {
		return err
	}
	return b.exec(ctx, `SELECT pg_create_physical_replication_slot(w, true) FROM unnest($1::text[]) w
		WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = w)`, wanted)
}
