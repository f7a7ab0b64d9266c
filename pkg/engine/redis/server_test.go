// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
	for name, value := range extra {
		settings[name] = value
	}
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

// TestServerTakesConfiguration: a real server accepts every line that is rendered for it, and a running one every change
// that NeedsRestart says it does.
func TestServerTakesConfiguration(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		for _, kept := range []v1alpha1.RedisPersistence{"AOF", "RDB", "None"} {
			spec := newSpec("512Mi")
			spec.Redis = &v1alpha1.RedisSpec{Persistence: kept}
			s := start(t, program, spec, nil)
			for name, value := range parametersOf(spec) {
				s.takes(t, name, value)
			}
		}
	})
}

// takes sets a setting on a running server, as NeedsRestart says that it can be.
func (s *server) takes(t *testing.T, name, value string) {
	t.Helper()
	if strings.HasPrefix(name, "tls-") || name == "bind" {
		return // the test's own
	}
	err := s.ConfigSet(t.Context(), name, value).Err()
	if err != nil && strings.Contains(err.Error(), "operating system") {
		return // as many clients need more files than a process may open here
	}
	refused := err != nil && (strings.Contains(err.Error(), "immutable") || strings.Contains(err.Error(), "protected"))
	if refused != NeedsRestart(name) || (err != nil && !refused) {
		t.Errorf("CONFIG SET %s %q: %v; NeedsRestart says %v", name, value, err, NeedsRestart(name))
	}
}

// TestServerReadsValuesBack proves the escaping on the parser that counts.
func TestServerReadsValuesBack(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		for _, value := range []string{`"`, `\`, `\"`, "it's", "a\nport 1", "\t\x01\x7f", "ä€😀", "# x", `\x0a`, "a  b "} {
			s := start(t, program, newSpec("512Mi"), map[string]string{"masteruser": value})
			got, err := s.ConfigGet(t.Context(), "masteruser").Result()
			must(t, err)
			if got["masteruser"] != value {
				t.Errorf("%q was read back as %q", value, got["masteruser"])
			}
		}
	})
}

// ends are values at both ends of what is allowed, found by trying.
func ends(check func(string) error) (values []string) {
	candidates := []string{
		"yes", "no", "-5", "-1", "0", "1", "100", "500", "64", "16000", "65000", "65535", "65536", "2147483647",
		"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
		"volatile-ttl", "0%", "100%", "1mb", "1gb", "1tb", "1024gb", "65536gb", "10k", "10kb", "10m", "1g", "KEg$lszhxetdmnA", "",
		"everysec", "always", "warning", "notice", "verbose", "debug", "pubsub 64mb 16mb 60", "normal 0 0 0 pubsub 1gb 1g 1",
		"10", "128",
	}
	for _, value := range candidates {
		if check(value) == nil {
			values = append(values, value)
		}
	}
	return values
}

// TestServerAgreesOnDirectives: what a user may set, the server knows and takes, at both ends of what is allowed, and
// while it runs unless NeedsRestart says otherwise.
func TestServerAgreesOnDirectives(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		for name, d := range directives {
			values := ends(d.check)
			if len(values) < 2 {
				t.Errorf("%s was tried with %q alone", name, values)
			}
			for _, value := range values {
				s.takes(t, name, value)
			}
		}
	})
}

// TestServerStartsWithRestartParameters at both ends of what is allowed.
func TestServerStartsWithRestartParameters(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		for name, d := range directives {
			if !d.restart {
				continue
			}
			for _, value := range ends(d.check) {
				spec := newSpec("512Mi")
				spec.Parameters = p(name, value)
				s := start(t, program, spec, nil)
				got, err := s.ConfigGet(t.Context(), name).Result()
				must(t, err)
				if got[name] != value {
					t.Errorf("%s is %q, want %q", name, got[name], value)
				}
			}
		}
	})
}

// TestServerReadsMemoryAlike: AtlasDB counts as the server does.
func TestServerReadsMemoryAlike(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		for _, value := range []string{"1048577", "2000k", "2000kb", "3m", "3mb", "1g", "1gb", "1GB", "5000000b"} {
			must(t, s.ConfigSet(t.Context(), "maxmemory", value).Err())
			got, err := s.ConfigGet(t.Context(), "maxmemory").Result()
			must(t, err)
			if want, err := parseMemory(value); err != nil || got["maxmemory"] != strconv.FormatInt(want, 10) {
				t.Errorf("%s is %s, we say %d, %v", value, got["maxmemory"], want, err)
			}
		}
	})
}

// TestServerEncrypts: the port for clients speaks TLS, and a login opens it.
func TestServerEncrypts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, program string) {
		s := start(t, program, newSpec("512Mi"), nil)
		plain := goredis.NewClient(&goredis.Options{Addr: s.tls, Username: "app", Password: appPassword, MaxRetries: -1})
		defer func() { _ = plain.Close() }()
		if err := plain.Ping(t.Context()).Err(); err == nil {
			t.Error("the port answers without TLS")
		}
		url := fmt.Sprintf("rediss://app:%s@%s?skip_verify=true", "application%27s", s.tls)
		options, err := goredis.ParseURL(url)
		must(t, err)
		client := goredis.NewClient(options)
		defer func() { _ = client.Close() }()
		must(t, client.Set(t.Context(), "key", "value", 0).Err())
	})
}
