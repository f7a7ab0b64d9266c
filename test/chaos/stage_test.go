// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// redisServer is a real server as a session meets one: over TLS, with the login of an application.
type redisServer struct {
	*testing.T
	address string
	args    []string
	process *exec.Cmd
	route   route
}

// addresses counts those in use: all of 127.0.0.0/8 is this machine.
var addresses atomic.Int32

// The ports of a server: for applications, and without TLS for its replicas and for what tests do to it.
const tlsPort, plainPort = "6379", "6380"

// startRedis starts a server with further settings, "--name", "value".
func startRedis(t *testing.T, settings ...string) *redisServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("SKIPPED: no Redis server is installed here (Debian: apt-get install redis-server)")
	}
	authority, err := tlsutil.NewAuthority(clusterName, time.Now(), rand.Reader)
	must(t, err)
	pair, err := authority.IssueServer(clusterName, []string{"orders-rw.shop.svc"}, time.Now(), rand.Reader)
	must(t, err)
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, content, 0o600))
		return path
	}
	s := &redisServer{T: t, address: fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>8%64, os.Getpid()%256, addresses.Add(1))}
	s.args = slices.Concat([]string{
		program, "--bind", s.address, "--port", plainPort, "--tls-port", tlsPort, "--tls-auth-clients", "no",
		"--tls-cert-file", file("tls.crt", pair.CertPEM), "--tls-key-file", file("tls.key", pair.KeyPEM),
		"--tls-ca-cert-file", file("ca.crt", authority.CertPEM), "--dir", folder, "--appendonly", "yes",
		"--repl-diskless-sync-delay", "0",
		"--user", "app", "on", ">secret", "~*", "&*", "+@all", "-@admin", "-@dangerous", "+info",
	}, settings)
	s.route, err = routeTo(s.address, "orders-rw", &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders-app"},
		Data: map[string][]byte{
			"uri": []byte("rediss://app:secret@orders-rw.shop.svc:" + tlsPort), "ca.crt": authority.CertPEM,
		},
	})
	must(t, err)
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start starts the server and waits until it listens.
func (s *redisServer) start() {
	s.Helper()
	s.process = exec.CommandContext(context.WithoutCancel(s.Context()), s.args[0], s.args[1:]...)
	must(s.T, s.process.Start())
	s.eventually("listening", func() bool {
		socket, err := net.Dial("tcp", net.JoinHostPort(s.address, tlsPort))
		if err == nil {
			_ = socket.Close()
		}
		return err == nil
	})
}

func (s *redisServer) kill() {
	s.signal(syscall.SIGKILL)
	_ = s.process.Wait()
}

func (s *redisServer) signal(signal syscall.Signal) { _ = s.process.Process.Signal(signal) }

func (s *redisServer) eventually(what string, reached func() bool) {
	s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if reached() {
			return
		}
	}
	s.Fatalf("%s did not come", what)
}

// command does to the server what an operator does.
func (s *redisServer) command(args ...any) {
	s.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: net.JoinHostPort(s.address, plainPort)})
	must(s.T, client.Do(s.Context(), args...).Err())
	must(s.T, client.Close())
}

// follow makes the server a replica.
func (s *redisServer) follow(primary *redisServer) {
	s.Helper()
	s.command("replicaof", primary.address, plainPort)
}

// session connects as a session does.
func (s *redisServer) session() (c conn, life string) {
	s.Helper()
	c, life, err := connectRedis(s.Context(), s.route)
	must(s.T, err)
	s.Cleanup(c.close)
	return c, life
}

// awaitLink waits until a replica receives.
func (s *redisServer) awaitLink() {
	s.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: net.JoinHostPort(s.address, plainPort)})
	defer func() { _ = client.Close() }()
	s.eventually("the link to the primary", func() bool {
		said, err := client.Info(s.Context(), "replication").Result()
		must(s.T, err)
		return strings.Contains(said, "master_link_status:up")
	})
}
