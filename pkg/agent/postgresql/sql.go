// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
			"statement_timeout=60s lock_timeout=10s default_transaction_read_only=off idle_session_timeout=0 "+
			// What the agent itself writes is made again by the next primary: it must not wait for replicas that are to log
			// in with it first.
			"synchronous_commit=local",
		b.directory, postgresql.SuperUser))
	if err != nil {
		return nil, err
	}
	config.MaxConns = 3
	b.pool, err = pgxpool.NewWithConfig(ctx, config)
	return b.pool, err
}

// close lets go of the connections. The pool waits for those in use, and one may be waiting for a quorum that will
// never be there: whoever waited for it here could not even stop the server.
func (b *database) close() {
	if b.pool != nil {
		go b.pool.Close()
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
	// timeline is the one that the server is on, checkpointTimeline that of its last checkpoint.
	timeline, checkpointTimeline int64
	// position is the end of what is flushed, replayed the end of what is applied.
	position, replayed uint64
	behind             int64
	// receiving says that there is a process that receives, streaming that it does, exhausted that the server has applied
	// all that lies on its disk and looks for more.
	receiving, streaming, exhausted bool
	attached                        []string
	slots                           map[string]uint64
	version                         string
}

// stateQuery asks for all of it at once. A timeline of a replica is the later of two, since that of its last checkpoint
// lags behind after a switch. A startup process that waits to retry has found nothing more to apply on the disk.
const stateQuery = `
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery()
            THEN greatest((pg_control_checkpoint()).timeline_id, (pg_control_recovery()).min_recovery_end_timeline)
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
       (pg_control_checkpoint()).timeline_id,
       (CASE WHEN pg_is_in_recovery()
             THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), '0/0')
             ELSE pg_current_wal_flush_lsn() END - '0/0')::numeric::bigint,
       (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::numeric::bigint,
       coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::bigint,
       EXISTS (SELECT FROM pg_stat_wal_receiver),
       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
       EXISTS (SELECT FROM pg_stat_activity
               WHERE backend_type = 'startup' AND wait_event = 'RecoveryRetrieveRetryInterval'),
       ARRAY(SELECT split_part(application_name, '/', 1) FROM pg_stat_replication
             WHERE NOT pg_is_in_recovery() AND state = 'streaming' AND split_part(application_name, '/', 2) = $2
               AND pg_current_wal_flush_lsn() - flush_lsn < $1 ORDER BY 1),
       ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY 1),
       ARRAY(SELECT (restart_lsn - '0/0')::numeric::bigint FROM pg_replication_slots
             WHERE restart_lsn IS NOT NULL ORDER BY slot_name),
       current_setting('server_version')`

// nearlyLevel is how many bytes a replica may be behind and still count as level: one segment of the log.
const nearlyLevel = 16 << 20

func (b *database) state(ctx context.Context, epoch int64) (s state, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	pool, err := b.connect(ctx)
	if err != nil {
		return s, err
	}
	var position, replayed int64
	var slots []string
	var positions []int64
	err = pool.QueryRow(ctx, stateQuery, nearlyLevel, strconv.FormatInt(epoch, 10)).Scan(
		&s.inRecovery, &s.timeline, &s.checkpointTimeline, &position, &replayed, &s.behind,
		&s.receiving, &s.streaming, &s.exhausted, &s.attached, &slots, &positions, &s.version)
	s.position, s.replayed = uint64(position), uint64(replayed)
	s.slots = make(map[string]uint64, len(slots))
	for i, slot := range slots {
		s.slots[slot] = uint64(positions[i])
	}
	return s, err
}

// oldest is the beginning of the log that a server still has.
func (b *database) oldest(ctx context.Context) (position uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	pool, err := b.connect(ctx)
	if err != nil {
		return 0, err
	}
	var segment, size int64
	err = pool.QueryRow(ctx, `
		SELECT min(('x' || substr(name, 9, 8))::bit(32)::bigint * (4294967296 / w)
		           + ('x' || right(name, 8))::bit(32)::bigint),
		       w
		FROM pg_ls_waldir(), (SELECT setting::bigint w FROM pg_settings WHERE name = 'wal_segment_size') s
		WHERE name ~ '^[0-9A-F]{24}$' GROUP BY w`).Scan(&segment, &size)
	return uint64(segment * size), err
}

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
	if err := grantRewind(ctx, conn); err != nil {
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

// grantRewind lets the members read what pg_rewind compares, and no more
// (https://www.postgresql.org/docs/17/app-pgrewind.html, section Notes).
func grantRewind(ctx context.Context, conn *pgxpool.Conn) error {
	const function = "pg_read_binary_file(text, bigint, bigint, boolean)"
	var granted bool
	err := conn.QueryRow(ctx, "SELECT has_function_privilege($1, $2, 'EXECUTE')", postgresql.ReplicationUser, function).
		Scan(&granted)
	if err != nil || granted {
		return err
	}
	_, err = conn.Exec(ctx, "GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), "+
		"pg_stat_file(text, boolean), pg_read_binary_file(text), "+function+" TO "+
		pgx.Identifier{postgresql.ReplicationUser}.Sanitize())
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

// keepSlots makes the slots that are wanted and drops those that are not, or that the server has given up because they
// held too much of the log. A slot in use is left for a later time.
func (b *database) keepSlots(ctx context.Context, wanted []string) error {
	err := b.exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
		WHERE slot_type = 'physical' AND NOT active AND slot_name ~ $1
		  AND (wal_status = 'lost' OR NOT slot_name = ANY ($2))`, slotPattern, wanted)
	if err != nil {
		return err
	}
	return b.exec(ctx, `SELECT pg_create_physical_replication_slot(w, true) FROM unnest($1::text[]) w
		WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = w)`, wanted)
}

// advanceSlots moves slots forward, never beyond what this server has applied.
func (b *database) advanceSlots(ctx context.Context, needed map[string]uint64) error {
	for slot, position := range needed {
		err := b.exec(ctx, `SELECT pg_replication_slot_advance(slot_name, least('0/0'::pg_lsn + $2::numeric, r))
			FROM pg_replication_slots, pg_last_wal_replay_lsn() r
			WHERE slot_name = $1 AND NOT active AND restart_lsn < least('0/0'::pg_lsn + $2::numeric, r)`,
			slot, strconv.FormatUint(position, 10))
		if err != nil {
			return err
		}
	}
	return nil
}

// barrier writes a record and waits until the quorum in force has flushed it.
func barrier(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = 0;
		SELECT pg_logical_emit_message(true, 'atlasdb', 'barrier'); COMMIT`)
	return err
}

// lowers says whether a parameter waits for a restart that replicas may not have lower than the primary has it now.
func (b *database) lowers(ctx context.Context) (yes bool, err error) {
	pool, err := b.connect(ctx)
	if err != nil {
		return false, err
	}
	err = pool.QueryRow(ctx, `SELECT coalesce(bool_or(f.setting::bigint < s.setting::bigint), false)
		FROM pg_settings s JOIN pg_file_settings f USING (name)
		WHERE s.pending_restart AND name = ANY ($1)`, postgresql.StandbyParameters).Scan(&yes)
	return yes, err
}
