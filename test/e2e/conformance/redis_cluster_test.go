// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// redisCluster is a session by go-redis in its cluster mode: it asks whom it finds behind a Service for the shards, and
// then talks to their members. Through the Service for reads it reads from replicas.
type redisCluster struct{ client *redis.ClusterClient }

func openRedisCluster(ctx context.Context, route *frame.Route) (session, error) {
	service := net.JoinHostPort(route.Host, route.Port)
	s := redisCluster{redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{service}, Username: route.Username, Password: route.Password, ReadOnly: route.Service == readOnly,
		PoolSize: 1, DialerRetries: 1, ContextTimeoutEnabled: true,
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == service {
				return encrypted(route.TLS)(route.Dial(ctx, network, address))
			}
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return encrypted(trustOf(route.TLS, host))(route.DialMember(ctx, host))
		},
	})}
	if err := s.client.Ping(ctx).Err(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// trustOf is sure to talk to a member itself, where a connection to the Service is sure to talk to any.
func trustOf(service *tls.Config, host string) *tls.Config {
	if service == nil {
		return nil
	}
	trust := service.Clone()
	trust.ServerName = host
	return trust
}

// redisKeys is over how many keys the records are spread: so many that each of a few shards has some.
const redisKeys = 16

// keyOf is where a record is.
func keyOf(record int) string { return fmt.Sprintf("%s:%d", seen, record%redisKeys) }

// Write implements session.
func (s redisCluster) Write(ctx context.Context, record int) error {
	return s.client.SAdd(ctx, keyOf(record), record).Err()
}

// Read implements session.
func (s redisCluster) Read(ctx context.Context) ([]int, error) {
	var all []int
	for n := range redisKeys {
		var records []int
		if err := s.client.SMembers(ctx, keyOf(n)).ScanSlice(&records); err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	slices.Sort(all)
	return all, nil
}

// Setting implements session: the value that all members have.
func (s redisCluster) Setting(ctx context.Context, name string) (string, error) {
	var mu sync.Mutex
	var values []string
	err := s.client.ForEachShard(ctx, func(ctx context.Context, member *redis.Client) error {
		value, err := redisSession{member}.Setting(ctx, name)
		mu.Lock()
		defer mu.Unlock()
		values = append(values, value)
		return err
	})
	slices.Sort(values)
	if values = slices.Compact(values); err == nil && len(values) != 1 {
		err = fmt.Errorf("members have %q", values)
	}
	if err != nil {
		return "", err
	}
	return values[0], nil
}

// Close implements session.
func (s redisCluster) Close() { _ = s.client.Close() }
