// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

const (
	login = "atlasdb_replication"
	host  = "orders-db-1.orders-db.shop.svc"
)

func authority(t *testing.T) *tlsutil.Authority {
	t.Helper()
	a, err := tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// secret is what the TLS Secret holds, with a client certificate of a name.
func secret(t *testing.T, a *tlsutil.Authority, name string) map[string][]byte {
	t.Helper()
	server, err := a.IssueServer("orders", []string{host}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.IssueClient(name, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		resource.CACertKey: a.CertPEM, resource.ServerCertKey: server.CertPEM, resource.ServerKeyKey: server.KeyPEM,
		resource.ClientCertKey: client.CertPEM, resource.ClientKeyKey: client.KeyPEM,
	}
}

// mount writes a Secret into a folder.
func mount(t *testing.T, directory string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// member is a mounted Secret.
func member(t *testing.T, files map[string][]byte) (directory string, c *Credentials) {
	t.Helper()
	directory = t.TempDir()
	mount(t, directory, files)
	return directory, NewCredentials(directory, login)
}

// voter answers as it was told to, and remembers what it was asked.
type voter struct {
	name string
	slow bool

	mu    sync.Mutex
	asked []any
}

func (v *voter) ask(q any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, q)
}

func (v *voter) State() election.State {
	v.ask("state")
	return election.State{Incarnation: v.name, Epoch: 7, HasData: true, Engine: []byte("e")}
}

func (v *voter) Vote(ctx context.Context, q election.VoteRequest) election.Vote {
	v.ask(q)
	if v.slow {
		<-ctx.Done() // it ends when the candidate has hung up
		v.ask(ctx.Err())
	}
	return election.Vote{Granted: true, Epoch: q.Epoch, SystemID: "7"}
}

func (v *voter) Vouch(q election.VouchRequest) election.Voucher {
	v.ask(q)
	return election.Voucher{Yes: true}
}

func (v *voter) Farewell(f election.Farewell) { v.ask(f) }

func (v *voter) wasAsked() []any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
}

// serve answers on an IP address of the loopback network, on a given port, or on any for 0. It ends with the test or
// with stop.
func serve(t *testing.T, ip string, port int, c *Credentials, v *voter) (served int, stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveOn(ctx, listener, c, v) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return listener.Addr().(*net.TCPAddr).Port, stop
}

// client asks orders-db-1, which DNS knows under the addresses of names.
func client(c *Credentials, port int, names *names) *Client {
	asking := NewClient(c, int32(port))
	asking.lookup = names.lookup
	asking.SetHosts(map[string]string{"orders-db-1": host})
	return asking
}

// names is a DNS server.
type names struct {
	mu      sync.Mutex
	address string
}

func (n *names) set(address string) { n.mu.Lock(); defer n.mu.Unlock(); n.address = address }

func (n *names) lookup(context.Context, string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.address == "" {
		return nil, errors.New("no such host")
	}
	return []string{n.address}, nil
}
