// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// clickHouse keeps a trial's rows in replicated tables, one for each session: an old server takes one write with a
// quorum at a time into a table and refuses the others. Rows have no key, so that a second one of the same number
// shows; a block that is inserted twice would be left out, but no two of a trial's are the same. No row bears a number
// that the database gave it.
var clickHouse = &engine{
	kind: v1alpha1.EngineClickHouse, version: "18.16", connect: connectClickHouse, leaderless: true,
	server: isProgram("clickhouse-server"), keeper: isProgram("clickhouse-keeper", "java"),
	// There is neither a Lease nor a guard, and nobody to switch over to. Two of three members have what was
	// acknowledged, whatever becomes of one.
	faults: []string{
		"engine-killed", "agent-killed", "agent-stopped", "container-frozen", "pod-deleted", "api-down", "keeper-lost",
		"keeper-quorum-lost", "node-stopped", "cable-cut", "operator-down", "operator-and-node-lost", "recreated",
	},
	inCI: []string{"engine-killed"},
}

// isProgram finds processes by the name of their program.
func isProgram(names ...string) role {
	return func(p process) bool { return slices.Contains(names, filepath.Base(p.argv[0])) }
}

// clickHouseConn is a connection to a ClickHouse server. The client library is given one socket and no means to make
// another; it closes it after any error.
type clickHouseConn struct {
	driver.Conn
	socket *tls.Conn
	failed bool
}

func connectClickHouse(ctx context.Context, r route) (_ conn, life string, err error) {
	options, err := ch.ParseDSN(r.uri)
	if err != nil {
		return nil, "", err
	}
	_, port, err := net.SplitHostPort(options.Addr[0])
	if err != nil {
		return nil, "", err
	}
	socket, err := r.open(ctx, net.JoinHostPort(r.address, port))
	if err != nil {
		return nil, "", err
	}
	sockets := make(chan *tls.Conn, 1)
	sockets <- socket
	options.DialContext = func(context.Context, string) (net.Conn, error) {
		select {
		case only := <-sockets:
			return only, nil
		default:
			return nil, errors.New("the connection was lost")
		}
	}
	options.TLS, options.MaxOpenConns, options.MaxIdleConns, options.ReadTimeout = nil, 1, 1, time.Hour
	c := &clickHouseConn{socket: socket}
	if c.Conn, err = ch.Open(options); err != nil {
		return nil, "", errors.Join(err, socket.Close())
	}
	if life, err = c.life(ctx); err != nil {
		c.close()
		return nil, "", err
	}
	return c, life, nil
}

// starts are when servers were seen to have started, by host and in seconds. A server tells the time and how long it
// has run, both rounded, so that one start may look like either of two.
var starts = struct {
	sync.Mutex
	of map[string][]int64
}{of: map[string][]int64{}}

// life asks for the host and since when its server runs.
func (c *clickHouseConn) life(ctx context.Context) (string, error) {
	defer c.until(ctx)()
	var host string
	var began int64
	err := c.QueryRow(ctx, "SELECT hostName(), toInt64(toUInt32(now())) - toInt64(uptime())").Scan(&host, &began)
	if err != nil {
		return "", err
	}
	starts.Lock()
	defer starts.Unlock()
	known := starts.of[host]
	i := slices.IndexFunc(known, func(other int64) bool { return max(began-other, other-began) <= 1 })
	if i < 0 {
		i = len(known)
		starts.of[host] = append(known, began)
	}
	return fmt.Sprintf("%s since %d", host, starts.of[host][i]), nil
}

// until closes the socket when the context ends. It returns what calls that off.
func (c *clickHouseConn) until(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = c.socket.NetConn().Close() })
}

func (c *clickHouseConn) broken() bool { return c.failed }

func (c *clickHouseConn) write(ctx context.Context, table string, session int, seq int64) (outcome, error) {
	defer c.until(ctx)()
	err := c.insert(ctx, tableOf(table, session), session, seq)
	c.failed = err != nil
	return judgeClickHouse(err), err
}

func (c *clickHouseConn) insert(ctx context.Context, table string, session int, seq int64) error {
	batch, err := c.PrepareBatch(ctx, "INSERT INTO "+table+" (session, seq)")
	if err != nil {
		return err
	}
	if err := batch.Append(uint32(session), uint64(seq)); err != nil {
		return errors.Join(err, batch.Abort())
	}
	return batch.Send()
}

// tableOf is where a session has its rows.
func tableOf(table string, session int) string { return fmt.Sprintf("%s_%d", table, session) }

// refusals are the codes of errors that a server has before it begins to write: the table is unknown or read-only,
// there is no Keeper, too few replicas are there, or an earlier write waits for its quorum; too many queries, too many
// parts, or a login that is not good. After any other the row may be there.
var refusals = []int32{60, 81, 192, 193, 202, 225, 242, 252, 285, 286, 516}

func judgeClickHouse(err error) outcome {
	if err == nil {
		return acked
	}
	if answer, ok := errors.AsType[*ch.Exception](err); ok && slices.Contains(refusals, answer.Code) {
		return refused
	}
	return unknown
}

// prepare makes the tables on every member. The bounds on parts are for one row each.
func (c *clickHouseConn) prepare(ctx context.Context, table string) error {
	defer c.until(ctx)()
	for session := range insider + 1 {
		name := tableOf(table, session)
		err := c.Exec(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s ON CLUSTER '{cluster}' "+
			"(session UInt32, seq UInt64) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/app/%s', '{replica}') "+
			"ORDER BY seq SETTINGS parts_to_delay_insert = 3000, parts_to_throw_insert = 6000", name, name))
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *clickHouseConn) rows(ctx context.Context, table string) ([]row, error) {
	defer c.until(ctx)()
	var selects []string
	for session := range insider + 1 {
		selects = append(selects, "SELECT session, seq FROM "+tableOf(table, session))
	}
	found, err := c.Query(ctx, strings.Join(selects, " UNION ALL "))
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	var rows []row
	for found.Next() {
		var session uint32
		var seq uint64
		if err := found.Scan(&session, &seq); err != nil {
			return nil, err
		}
		rows = append(rows, row{Session: int(session), Seq: int64(seq), Placed: int64(seq)})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Seq, b.Seq))
	})
	return rows, found.Err()
}

func (c *clickHouseConn) close() {
	_ = c.socket.NetConn().Close()
	_ = c.Close()
}
