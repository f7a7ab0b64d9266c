// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// redisSession is a session by go-redis.
type redisSession struct{ client *redis.Client }

func openRedis(ctx context.Context, route *frame.Route) (session, error) {
	options, err := redis.ParseURL(route.URI)
	if err != nil {
		return nil, err
	}
	options.Addr, options.TLSConfig = net.JoinHostPort(route.Host, route.Port), route.TLS
	options.Username, options.Password = route.Username, route.Password
	options.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		return encrypted(route.TLS)(route.Dial(ctx, network, address))
	}
	// One connection, and no trying again: what the suite looks at is how an attempt ends.
	options.PoolSize, options.MaxRetries, options.DialerRetries = 1, -1, 1
	s := redisSession{redis.NewClient(options)}
	if err := s.client.Ping(ctx).Err(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// encrypted makes a connection one over TLS, unless it is tried without. It shakes hands when it is first used.
func encrypted(trust *tls.Config) func(net.Conn, error) (net.Conn, error) {
	return func(conn net.Conn, err error) (net.Conn, error) {
		if err != nil || trust == nil {
			return conn, err
		}
		return tls.Client(conn, trust), nil
	}
}

// seen is the key of all records.
const seen = "seen"

// Write implements session.
func (s redisSession) Write(ctx context.Context, record int) error {
	return s.client.SAdd(ctx, seen, record).Err()
}

// Read implements session.
func (s redisSession) Read(ctx context.Context) ([]int, error) {
	var records []int
	err := s.client.SMembers(ctx, seen).ScanSlice(&records)
	slices.Sort(records)
	return records, err
}

// Setting implements session. CONFIG is not for applications; what INFO tells is.
func (s redisSession) Setting(ctx context.Context, name string) (string, error) {
	info := s.client.InfoMap(ctx, "memory")
	return info.Item("Memory", strings.ReplaceAll(name, "-", "_")), info.Err()
}

// Close implements session.
func (s redisSession) Close() { _ = s.client.Close() }
