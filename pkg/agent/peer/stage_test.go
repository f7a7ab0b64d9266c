// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// pretend is a member that answers by a script: respond is called with the number of the question, from 1 on.
func pretend(t *testing.T, c *Credentials, respond func(question int, conn net.Conn)) (port int) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c.forServer())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var questions atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for reader := bufio.NewReader(conn); ; {
					request, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, request.Body)
					respond(int(questions.Add(1)), conn)
				}
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// names is a DNS server. A slow one answers only who waits longer than resolveWithin.
type names struct {
	slow bool

	mu      sync.Mutex
	address string // several are parted by spaces
}

func (n *names) set(address string) { n.mu.Lock(); defer n.mu.Unlock(); n.address = address }

func (n *names) lookup(ctx context.Context, _ string) ([]string, error) {
	if deadline, _ := ctx.Deadline(); n.slow && time.Until(deadline) <= resolveWithin {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.address == "" {
		return nil, errors.New("no such host")
	}
	return strings.Fields(n.address), nil
}
