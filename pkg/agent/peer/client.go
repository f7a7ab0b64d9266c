// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// Client asks peers. It implements election.Peers.
type Client struct {
	credentials *Credentials
	port        int32
	http        *http.Client
	lookup      func(ctx context.Context, host string) ([]string, error)

	mu    sync.Mutex
	hosts map[string]string // by member
	last  map[string]string // the IP address that answered last, by host
}

var _ election.Peers = (*Client)(nil)

// NewClient returns a Client that knows no members yet.
func NewClient(c *Credentials, port int32) *Client {
	client := &Client{
		credentials: c, port: port, lookup: net.DefaultResolver.LookupHost, hosts: map[string]string{},
		last: map[string]string{},
	}
	client.http = &http.Client{Transport: &http.Transport{
		DialTLSContext: client.dial, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
	}}
	return client
}

// SetHosts says under which names the members are reached.
func (c *Client) SetHosts(hosts map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts = hosts
}

// State asks a member how it is.
func (c *Client) State(ctx context.Context, member string) (s election.State, err error) {
	return s, c.ask(ctx, member, http.MethodGet, statePath, nil, &s)
}

// Vote asks a member for its vote.
func (c *Client) Vote(ctx context.Context, member string, q election.VoteRequest) (v election.Vote, err error) {
	return v, c.ask(ctx, member, http.MethodPost, votePath, q, &v)
}

// Vouch asks a member not to campaign.
func (c *Client) Vouch(ctx context.Context, member string, q election.VouchRequest) (v election.Voucher, err error) {
	return v, c.ask(ctx, member, http.MethodPost, vouchPath, q, &v)
}

// Farewell tells a member that an engine is dead.
func (c *Client) Farewell(ctx context.Context, member string, f election.Farewell) error {
	return c.ask(ctx, member, http.MethodPost, farewellPath, f, &struct{}{})
}

// ask sends a question and reads the answer.
func (c *Client) ask(ctx context.Context, member, method, path string, question, answer any) error {
	c.mu.Lock()
	host, known := c.hosts[member]
	c.mu.Unlock()
	if !known {
		return fmt.Errorf("the plan has no member %q", member)
	}
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encoding a question: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, election.RequestTimeout)
	defer cancel()
	address := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(c.port))), Path: path}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking %s: %w", member, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", member, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: %s", member, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", member, err)
	}
	return nil
}

// resolveWithin bounds the wait for DNS, which may be down just when the peers are needed.
const resolveWithin = 300 * time.Millisecond

// dial connects to a member: at the address that DNS gives, or at the last that answered.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := c.credentials.forClient(host)
	if err != nil {
		return nil, err
	}
	ip := c.resolve(ctx, host)
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, network, net.JoinHostPort(ip, port))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[host] = ip
	return conn, nil
}

// resolve gives the address of a host; the host itself when nothing is known.
func (c *Client) resolve(ctx context.Context, host string) string {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	found, err := c.lookup(ctx, host)
	if err == nil && len(found) > 0 {
		return found[0]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, known := c.last[host]; known {
		return last
	}
	return host
}
