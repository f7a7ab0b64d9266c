// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// resolveWithin bounds the wait for DNS while another address is known: DNS may be down just when the peers are needed.
const resolveWithin = 300 * time.Millisecond

// dial connects to a member over TLS, and remembers where it was reached.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	// net/http lets a dial outlive the request that began it, for the next one to use, and its own limit for handshakes
	// does not apply here. Dials to a member that is cut off would pile up.
	ctx, cancel := context.WithTimeout(ctx, election.RequestTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := c.credentials.forClient(host)
	if err != nil {
		return nil, err
	}
	dialer := &tls.Dialer{Config: config}
	conn, err := c.reach(ctx, host, func(ip string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, net.JoinHostPort(ip, port))
	})
	if err != nil {
		return nil, err
	}
	if ip, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last[host] = ip
	}
	return conn, nil
}

// reach dials a host where DNS says that it is, since a pod that was made anew has another address. When DNS does not
// answer soon, it is dialled where it was last; when it is not there, or was nowhere yet, DNS gets the time left.
func (c *Client) reach(
	ctx context.Context, host string, dial func(ip string) (net.Conn, error),
) (conn net.Conn, err error) {
	found, err := c.lookupSoon(ctx, host)
	if last, known := c.lastAddress(host); err != nil && known {
		if conn, err = dial(last); err == nil {
			return conn, nil
		}
	}
	if err != nil {
		found, err = c.lookup(ctx, host)
	}
	for _, ip := range found {
		if conn, err = dial(ip); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) lookupSoon(ctx context.Context, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	return c.lookup(ctx, host)
}

func (c *Client) lastAddress(host string) (ip string, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ip, known = c.last[host]
	return ip, known
}
