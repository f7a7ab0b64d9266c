// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// onEachServer runs a test with every server program that is here. The test image and CI have one.
func onEachServer(t *testing.T, test func(t *testing.T, program string)) {
	t.Helper()
	cache, found := cmp.Or(os.Getenv("ATLASDB_CACHE"), "/var/cache/atlasdb"), 0
	for _, name := range []string{"redis-server", "valkey-server"} {
		for _, candidate := range []string{name, filepath.Join(cache, "bin", name)} {
			program, err := exec.LookPath(candidate)
			if err != nil {
				continue
			}
			found++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, program)
			})
			break
		}
	}
	if found == 0 {
		t.Skip("SKIPPED: no Redis server is installed here (Debian: apt-get install redis-server)")
	}
}

// server is a real server with a configuration of AtlasDB's.
type server struct {
	*goredis.Client
	directory, tls string
}

// passwords of the users of a server.
const agentPassword, appPassword, membersPassword = "agent's", "application's", "members'"

// accounts are users with those passwords.
func accounts() Accounts {
	return Accounts{
		Agent: PasswordRule(agentPassword), Replication: PasswordRule(membersPassword),
		Users: []engine.PlanUser{{Name: "app", Verifier: Engine{}.Verifier("uid", "app", appPassword)}},
	}
}

// start starts a server as a member would, and gives the agent's client of it.
func start(t *testing.T, program string, spec *v1alpha1.DatabaseClusterSpec, extra map[string]string) *server {
	t.Helper()
	s := &server{directory: t.TempDir(), tls: freeAddress(t)}
	s.certify(t)
	_, port, _ := net.SplitHostPort(s.tls)
	settings := map[string]string{
		"dir": s.directory, "unixsocket": s.path("redis.sock"), "aclfile": s.path(UsersFile), "bind": "127.0.0.1",
		"tls-port": port, "tls-cert-file": s.path("tls.crt"), "tls-key-file": s.path("tls.key"),
		"tls-ca-cert-file": s.path("ca.crt"),
	}
	maps.Copy(settings, extra)
	for file, content := range map[string]string{
		ConfigFile: Engine{}.Configure(spec, "7.0.15")[ConfigFile], UsersFile: accounts().File(),
		MemberConfFile: MemberConf(s.path(ConfigFile), settings),
	} {
		must(t, os.WriteFile(s.path(file), []byte(content), 0o600))
	}
	s.run(t, program)
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.directory, name) }

// certify makes the server's certificate.
func (s *server) certify(t *testing.T) {
	t.Helper()
	authority, err := tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	must(t, err)
	pair, err := authority.IssueServer("orders", []string{"localhost"}, time.Now(), rand.Reader)
	must(t, err)
	for file, content := range map[string][]byte{
		"ca.crt": authority.CertPEM, "tls.crt": pair.CertPEM, "tls.key": pair.KeyPEM,
	} {
		must(t, os.WriteFile(s.path(file), content, 0o600))
	}
}

// run starts the server and waits until it answers. It fails when the server refuses any line.
func (s *server) run(t *testing.T, program string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, s.path(MemberConfFile))
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	s.Client = s.as(AgentUser, agentPassword)
	t.Cleanup(func() { _ = s.Close() })
	for deadline := time.Now().Add(30 * time.Second); s.Ping(t.Context()).Err() != nil; time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("the server refused its configuration:\n%s", log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the server did not answer")
		}
	}
}

// as is a client with a login.
func (s *server) as(user, password string) *goredis.Client {
	return goredis.NewClient(&goredis.Options{
		Network: "unix", Addr: s.path("redis.sock"), Username: user, Password: password, MaxRetries: -1,
	})
}

// freeAddress is where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
