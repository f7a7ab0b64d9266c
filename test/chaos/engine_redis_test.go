// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// redis keeps a trial's rows in a list: one command appends one, atomically, and a second execution of it shows, as
// does the order of all.
var redis = &engine{
	kind: v1alpha1.EngineRedis, version: "7", connect: connectRedis,
	server: isRedisServer, receiver: isRedisServer,
	// An isolated primary is fenced after isolationGoal at the latest, and refuses writes as soon as it misses its
	// replicas' confirmations (min-replicas-max-lag).
	lossWindow: isolationGoal,
	inCI:       []string{"engine-killed", "switchover"},
}

// isRedisServer finds the one process that is the server and, on a replica, receives. Redis writes its title over the
// arguments.
func isRedisServer(p process) bool {
	program, _, _ := strings.Cut(p.argv[0], " ")
	return slices.Contains([]string{"redis-server", "valkey-server"}, filepath.Base(program))
}

// redisConn is a connection to a Redis server. The client library has one connection to hand out and no means to make
// another, and it sends a command once.
type redisConn struct {
	*goredis.Conn
	client *goredis.Client
	socket *tls.Conn
	failed bool
}

func connectRedis(ctx context.Context, r route) (conn, string, error) {
	c, life, err := dialRedis(ctx, r)
	if err != nil {
		return nil, "", err
	}
	return c, life, nil
}

func dialRedis(ctx context.Context, r route) (_ *redisConn, life string, err error) {
	options, err := goredis.ParseURL(r.uri)
	if err != nil {
		return nil, "", err
	}
	_, port, err := net.SplitHostPort(options.Addr)
	if err != nil {
		return nil, "", err
	}
	socket, err := r.open(ctx, net.JoinHostPort(r.address, port))
	if err != nil {
		return nil, "", err
	}
	options.Dialer = func(context.Context, string, string) (net.Conn, error) { return socket, nil }
	options.MaxRetries, options.DialerRetries, options.PoolSize = -1, 1, 1
	options.ReadTimeout, options.WriteTimeout = -1, -1 // a context's end closes the socket
	options.Protocol, options.DisableIdentity = 2, true
	c := &redisConn{client: goredis.NewClient(options), socket: socket}
	c.Conn = c.client.Conn()
	if life, err = c.life(ctx); err != nil {
		c.close()
		return nil, "", err
	}
	return c, life, nil
}

var (
	runID    = regexp.MustCompile(`(?m)^run_id:(\w{8})`)
	formerID = regexp.MustCompile(`(?m)^master_replid2:(\w{8})`)
	ownHost  = regexp.MustCompile(` laddr=(\S+):\d+ `)
)

// life asks for the server's run, and for the history that it went on from when it was promoted: unlike PostgreSQL's it
// may become a replica and live on. That name stays while it is primary; its own history's changes when the first
// replica comes.
func (c *redisConn) life(ctx context.Context) (string, error) {
	defer c.until(ctx)()
	client, err := c.Do(ctx, "client", "info").Text()
	if err != nil {
		return "", err
	}
	said, err := c.Info(ctx, "server", "replication").Result()
	if err != nil {
		return "", err
	}
	host, run, former := ownHost.FindStringSubmatch(client), runID.FindStringSubmatch(said),
		formerID.FindStringSubmatch(said)
	if host == nil || run == nil || former == nil {
		return "", fmt.Errorf("no address, run_id or master_replid2 in %q and %q", client, said)
	}
	return fmt.Sprintf("%s run %s after %s", host[1], run[1], former[1]), nil
}

// until closes the socket when the context ends, for the client library waits for an answer however long it takes. It
// returns what calls that off.
func (c *redisConn) until(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = c.socket.NetConn().Close() })
}

func (c *redisConn) broken() bool { return c.failed }

func (c *redisConn) write(ctx context.Context, table string, session int, seq int64) (outcome, error) {
	defer c.until(ctx)()
	err := c.RPush(ctx, table, fmt.Sprintf("%d:%d", session, seq)).Err()
	verdict := judgeRedis(err)
	// Once a replica the server may be primary again, and would be another then.
	c.failed = verdict == unknown || goredis.IsReadOnlyError(err)
	return verdict, err
}

// judgeRedis tells what an answer is worth. Commands are atomic, and whatever a server has against one (READONLY,
// NOREPLICAS, LOADING, MASTERDOWN, OOM) it says before it begins.
func judgeRedis(err error) outcome {
	if err == nil {
		return acked
	}
	if _, answered := errors.AsType[goredis.Error](err); answered {
		return refused
	}
	return unknown
}

func (c *redisConn) prepare(ctx context.Context, table string) error {
	defer c.until(ctx)()
	return c.Del(ctx, table).Err()
}

func (c *redisConn) rows(ctx context.Context, table string) ([]row, error) {
	defer c.until(ctx)()
	items, err := c.LRange(ctx, table, 0, -1).Result()
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(items))
	for i, item := range items {
		rows[i].Placed = int64(i + 1)
		if _, err := fmt.Sscanf(item, "%d:%d", &rows[i].Session, &rows[i].Seq); err != nil {
			return nil, fmt.Errorf("%s[%d] = %q: %w", table, i, item, err)
		}
	}
	return rows, nil
}

func (c *redisConn) close() {
	_ = c.socket.NetConn().Close()
	_ = errors.Join(c.Close(), c.client.Close())
}
