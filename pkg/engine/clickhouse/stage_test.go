// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// oldBuild is the version of the real server that tests can have (Debian's), newBuild one as the vendor's images have.
const oldBuild, newBuild = "18.16.1", "25.8.4.13"

// oldServer is the program of that server.
func oldServer(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("clickhouse-server")
	if err != nil {
		t.Skip("SKIPPED: no ClickHouse server is installed here (Debian: apt-get install clickhouse-server, 18.16.1)")
	}
	return program
}

// oldKeeper are the classes of a ZooKeeper.
func oldKeeper(t *testing.T) (java, classes string) {
	t.Helper()
	java, err := exec.LookPath("java")
	classes = cmp.Or(os.Getenv("ATLASDB_ZOOKEEPER_CLASSES"), "/usr/share/java")
	if _, missing := os.Stat(filepath.Join(classes, "zookeeper.jar")); err != nil || missing != nil {
		t.Skip("SKIPPED: no ZooKeeper is installed here (Debian: apt-get install zookeeper)")
	}
	return java, classes
}

// keep starts a ZooKeeper of one server, whose files are those of a keeper but for the paths and the address.
func (g stage) keep(t *testing.T, member, address string) {
	t.Helper()
	java, classes := oldKeeper(t)
	files, err := KeeperFiles(g.plan, member)
	must(t, err)
	directory := t.TempDir()
	here := strings.NewReplacer(KeeperDirectory, directory, "clientPort=", "clientPortAddress="+address+"\nclientPort=",
		"quorumListenOnAllIPs=true", "quorumListenOnAllIPs=false")
	for file, content := range files {
		must(t, os.WriteFile(filepath.Join(directory, file), []byte(here.Replace(content)), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(directory, "myid"), []byte(strconv.Itoa(KeeperID(member))), 0o600))
	cmd := exec.CommandContext(t.Context(), java, "@"+filepath.Join(directory, ZooKeeperOptionsFile),
		"-cp", classes+"/*", "org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(directory, ZooKeeperFile))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	serving(t, net.JoinHostPort(address, strconv.Itoa(ZooKeeperPort)))
}

// serving waits until a ZooKeeper serves.
func serving(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		_, err = connection.Write([]byte("mntr"))
		answer, _ := io.ReadAll(connection)
		_ = connection.Close()
		if err == nil && bytes.Contains(answer, []byte("zk_server_state")) {
			return
		}
	}
	t.Fatal("the ZooKeeper does not serve")
}

// Passwords of the users of a server.
const agentPassword, appPassword, membersPassword = "agent's", "application's", "members'"

var own = Own{Address: "10.1.2.3", Agent: agentPassword, Members: membersPassword}

// planOf is a plan with shards of some members each, and keepers.
func planOf(build string, shards, members, keepers int) engine.Plan {
	spec := newSpec("512Mi")
	spec.Members, spec.Version = int32(members), build
	plan := engine.Plan{
		Cluster: "orders", Namespace: "shop", Build: build, Shards: shards,
		Files:     Engine{}.Configure(spec, build),
		Users:     []engine.PlanUser{{Name: Database, Verifier: PasswordHash(appPassword)}},
		Databases: []engine.PlanDatabase{{Name: Database, Owner: Database}},
	}
	host := func(name string) string { return name + ".orders-db.shop.svc" }
	for shard := range shards {
		for ordinal := range members {
			name := "orders-db-" + strconv.Itoa(shard) + "-" + strconv.Itoa(ordinal)
			plan.Members = append(plan.Members, engine.PlanMember{Name: name, Host: host(name), Shard: shard})
		}
	}
	for ordinal := range keepers {
		name := "orders-db-keeper-" + strconv.Itoa(ordinal)
		plan.Members = append(plan.Members, engine.PlanMember{
			Name: name, Host: host(name), Component: KeeperComponent,
		})
	}
	return plan
}

// stage is what the servers of a cluster have in common.
type stage struct {
	program   string
	plan      engine.Plan
	authority *tlsutil.Authority
}

func newStage(t *testing.T, program string, plan engine.Plan) stage {
	t.Helper()
	authority, err := tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	must(t, err)
	return stage{program: program, plan: plan, authority: authority}
}

// server is a real server with a configuration of AtlasDB's, at an address of its own on this machine.
type server struct {
	directory, address string
	log                bytes.Buffer
	client             *http.Client
}

// start starts a member's server. Its files are those of a member, but for the paths and the addresses it listens on.
func (g stage) start(t *testing.T, member, address string) *server {
	t.Helper()
	s := &server{directory: t.TempDir(), address: address}
	s.certify(t, g.authority)
	plan, own := g.plan, own
	own.Address = address
	files, err := ServerFiles(plan, member, own)
	must(t, err)
	here := strings.NewReplacer(
		DataDirectory, s.path("data"), resource.TLSMountPath, s.path("tls"),
		"<listen_host>::</listen_host>", "", "<listen_host>0.0.0.0<", "<listen_host>"+address+"<",
		"<ip>127.0.0.1</ip>", "<ip>127.0.0.0/8</ip>",
	)
	for file, content := range files {
		must(t, os.MkdirAll(filepath.Dir(s.path(file)), 0o700))
		must(t, os.WriteFile(s.path(file), []byte(here.Replace(content)), 0o600))
	}
	// The server makes a copy of its merged configuration, with passwords; that leads to where no volume is.
	must(t, errors.Join(os.Mkdir(s.path("data"), 0o700), os.Mkdir(s.path("merged"), 0o700),
		os.Symlink(s.path("merged"), s.path("data/preprocessed_configs"))))
	s.run(t, g.program)
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.directory, name) }

// certify makes the certificates of a member, and trusts their authority.
func (s *server) certify(t *testing.T, authority *tlsutil.Authority) {
	t.Helper()
	shown, err := authority.IssueServer("orders", []string{"localhost"}, time.Now(), rand.Reader)
	must(t, err)
	mine, err := authority.IssueClient(InterserverUser, time.Now(), rand.Reader)
	must(t, err)
	must(t, os.Mkdir(s.path("tls"), 0o700))
	for file, content := range map[string][]byte{
		resource.CACertKey: authority.CertPEM, resource.ServerCertKey: shown.CertPEM, resource.ServerKeyKey: shown.KeyPEM,
		resource.ClientCertKey: mine.CertPEM, resource.ClientKeyKey: mine.KeyPEM,
	} {
		must(t, os.WriteFile(filepath.Join(s.path("tls"), file), content, 0o600))
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.CertPEM)
	s.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12},
	}}
}

// run starts the server and waits until it answers. It fails when the server refuses its configuration.
func (s *server) run(t *testing.T, program string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "--config-file="+s.path(ConfigFile))
	cmd.Stdout, cmd.Stderr, cmd.Dir = &s.log, &s.log, s.directory
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
	for deadline := time.Now().Add(30 * time.Second); s.query(AgentUser, agentPassword, "SELECT 1") != "1"; {
		time.Sleep(20 * time.Millisecond)
		select {
		case <-ended:
			t.Fatalf("the server refused its configuration:\n%s", s.log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not answer:\n%s", s.query(AgentUser, agentPassword, "SELECT 1"))
		}
	}
}

// query gives the answer to a statement, or what the server says is wrong with it.
func (s *server) query(user, password, statement string) string {
	url := "https://" + s.address + ":" + strconv.Itoa(HTTPSPort)
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(statement))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("X-ClickHouse-User", user)
	request.Header.Set("X-ClickHouse-Key", password)
	answer, err := s.client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(body))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
