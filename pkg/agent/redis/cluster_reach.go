// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Dial says how the servers of other members are reached: where a host is, and a connection to it.
type Dial struct {
	// Resolve gives the address of a host; ok is false when it has none.
	Resolve func(ctx context.Context, host string) (address string, ok bool)
	// Plain connects without TLS.
	Plain bool
}

// reach are the servers of other members, to whom this one is what members are to each other.
type reach struct {
	certificates string
	password     func() (string, error)
	dial         Dial
}

// address is where a host is now.
func (r reach) address(ctx context.Context, host string) (string, bool) {
	if r.dial.Resolve != nil {
		return r.dial.Resolve(ctx, host)
	}
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil || len(found) == 0 {
		return "", false
	}
	return found[0], true
}

// to makes a client of another member's server. It is used for one errand: where members are changes.
func (r reach) to(m engine.PlanMember) (*goredis.Client, error) {
	password, err := r.password()
	if err != nil {
		return nil, err
	}
	return goredis.NewClient(&goredis.Options{
		Addr: net.JoinHostPort(m.Host, strconv.Itoa(redis.ClientPort)), Username: redis.ReplicationUser,
		Password: password, PoolSize: 1, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		Dialer:                   func(ctx context.Context, _, _ string) (net.Conn, error) { return r.connect(ctx, m.Host) },
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}), nil
}

func (r reach) connect(ctx context.Context, host string) (net.Conn, error) {
	address, ok := r.address(ctx, host)
	if !ok {
		return nil, fmt.Errorf("%s has no address", host)
	}
	address = net.JoinHostPort(address, strconv.Itoa(redis.ClientPort))
	if r.dial.Plain {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	authority, err := os.ReadFile(filepath.Join(r.certificates, resource.CACertKey))
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority's certificate cannot be read")
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: trusted, ServerName: host, MinVersion: tls.VersionTLS12}}
	return dialer.DialContext(ctx, "tcp", address)
}
