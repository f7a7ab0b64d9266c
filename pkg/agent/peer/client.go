// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	last  map[string]string // the IP address that was reached last, by host
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
func (c *Client) State(ctx context.Context, member string) (election.State, error) {
	return ask[election.State](ctx, c, member, question{method: http.MethodGet, path: statePath})
}

// Vote asks a member for its vote.
func (c *Client) Vote(ctx context.Context, member string, q election.VoteRequest) (election.Vote, error) {
	return ask[election.Vote](ctx, c, member, question{method: http.MethodPost, path: votePath, body: q})
}

// Vouch asks a member not to campaign.
func (c *Client) Vouch(ctx context.Context, member string, q election.VouchRequest) (election.Voucher, error) {
	return ask[election.Voucher](ctx, c, member, question{method: http.MethodPost, path: vouchPath, body: q})
}

// Farewell tells a member that an engine is dead.
func (c *Client) Farewell(ctx context.Context, member string, f election.Farewell) error {
	_, err := ask[struct{}](ctx, c, member, question{method: http.MethodPost, path: farewellPath, body: f})
	return err
}

// question is what a member is asked; body is nil for a question without words.
type question struct {
	method, path string
	body         any
}

// ask puts a question. An error comes with the zero answer: what was understood of a broken one was not said.
func ask[A any](ctx context.Context, c *Client, member string, q question) (A, error) {
	var answer, nothing A
	content, err := c.exchange(ctx, member, q)
	if err != nil {
		return nothing, fmt.Errorf("asking %s: %w", member, err)
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return nothing, fmt.Errorf("reading the answer of %s: %w", member, err)
	}
	return answer, nil
}

// exchange sends a question and gives the answer as it came.
func (c *Client) exchange(ctx context.Context, member string, q question) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, election.RequestTimeout)
	defer cancel()
	request, err := c.request(ctx, member, q)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	// To the end, not to the end of the JSON: else net/http closes the connection instead of keeping it.
	return io.ReadAll(http.MaxBytesReader(nil, response.Body, maxBody))
}

func (c *Client) request(ctx context.Context, member string, q question) (*http.Request, error) {
	c.mu.Lock()
	host, known := c.hosts[member]
	c.mu.Unlock()
	if !known {
		return nil, errors.New("the plan has no such member")
	}
	var body io.Reader = http.NoBody
	if q.body != nil {
		encoded, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("encoding a question: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	address := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(c.port))), Path: q.path}
	request, err := http.NewRequestWithContext(ctx, q.method, address.String(), body)
	if err != nil {
		return nil, err
	}
	// Every question may be put twice, and net/http does so when this key is there and a connection that was kept turns
	// out to be dead. Without it, an agent that restarted would miss the first question of each peer.
	request.Header["Idempotency-Key"] = nil
	return request, nil
}
