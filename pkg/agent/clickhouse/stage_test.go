// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	corev1 "k8s.io/api/core/v1"
	kresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// build is the version of the real servers that tests can have: Debian's ClickHouse and ZooKeeper.
const build = "18.16.1"

// reaper takes all children of this process: there may be one only.
var reaper = sync.OnceValue(func() *process.Reaper {
	r := process.NewReaper()
	go r.Run(context.Background())
	return r
})

// stage is where the real servers of one cluster run, for one test.
type stage struct {
	*testing.T
	authority  *tlsutil.Authority
	plan       engine.Plan
	parameters map[string]string
}

// newStage is one with some members and keepers in its plan, of which none runs. It skips where there are no servers.
func newStage(t *testing.T, members, keepers int) *stage {
	t.Helper()
	t.Parallel()
	if _, err := exec.LookPath("clickhouse-server"); err != nil {
		t.Skip("SKIPPED: no ClickHouse server is installed here (Debian: apt-get install clickhouse-server)")
	}
	if _, err := os.Stat(filepath.Join(classes(), "zookeeper.jar")); err != nil && keepers > 0 {
		t.Skip("SKIPPED: no ZooKeeper is installed here (Debian: apt-get install zookeeper)")
	}
	s := &stage{T: t, plan: engine.Plan{
		Cluster: "orders", Namespace: "shop", Build: build, Initialiser: "orders-db-0",
		Durability: v1alpha1.DurabilityMajority, PowerState: v1alpha1.PowerRunning,
		Users:     []engine.PlanUser{{Name: "app", Verifier: clickhouse.PasswordHash("application's")}},
		Databases: []engine.PlanDatabase{{Name: "app", Owner: "app"}},
	}}
	var err error
	s.authority, err = tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	s.must(err)
	for i := range members {
		s.plan.Members = append(s.plan.Members, engine.PlanMember{Name: fmt.Sprintf("orders-db-%d", i), Host: ownAddress()})
	}
	for i := range keepers {
		s.plan.Members = append(s.plan.Members, engine.PlanMember{
			Name: fmt.Sprintf("orders-db-keeper-%d", i), Host: ownAddress(), Component: clickhouse.KeeperComponent,
		})
	}
	return s
}

func classes() string { return cmp.Or(os.Getenv("ATLASDB_ZOOKEEPER_CLASSES"), javaDirectory) }

// addresses counts those in use. All of 127.0.0.0/8 is this machine, so each server has an address of its own.
var addresses atomic.Int32

func ownAddress() string {
	pid, n := os.Getpid(), addresses.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 128+pid>>8%128, pid%256, n)
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// configure renders the plan's files.
func (s *stage) configure() map[string]string {
	spec := &v1alpha1.DatabaseClusterSpec{
		Engine: v1alpha1.EngineClickHouse, Version: build, Durability: v1alpha1.DurabilityMajority,
		Resources:  v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{corev1.ResourceMemory: kresource.MustParse("512Mi")}},
		Network:    v1alpha1.NetworkSpec{TLS: v1alpha1.TLSSpec{Mode: v1alpha1.TLSRequired}},
		Parameters: map[string]v1alpha1.ParameterValue{},
	}
	for _, m := range s.plan.Members {
		if m.Component == "" {
			spec.Members++
		}
	}
	for name, value := range s.parameters {
		spec.Parameters[name] = v1alpha1.ParameterValue(value)
	}
	return clickhouse.Engine{}.Configure(spec, build)
}

// actor is a member or a keeper with its driver, whose rules are carried out as the agent's loop does.
type actor struct {
	s       *stage
	name    string
	address string
	root    string
	driver  interface {
		Observe(ctx context.Context, o *runbook.Observation) error
		Do(ctx context.Context, t runbook.Task) error
		Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (runbook.Tended, error)
	}
	tenant   *tenant
	rules    []runbook.Rule
	stopping bool
	// took are the steps other than waiting and tending, tended is what the last tending found, failed what went wrong.
	took   []runbook.StepKind
	tended runbook.Tended
	failed error
}

// cast makes a member whose agent has just started.
func (s *stage) cast(name string) *actor {
	s.Helper()
	m, planned := s.plan.Member(name)
	if !planned {
		s.Fatalf("%s is in no plan", name)
	}
	a := &actor{s: s, name: name, address: m.Host, root: s.TempDir(), rules: clickhouse.Runbook}
	s.certify(a)
	a.begin()
	s.Cleanup(a.kill)
	return a
}

// begin begins a life of the member's agent.
func (a *actor) begin() {
	options := Options{
		Member: a.name, Root: a.root, ConfigDirectory: a.path("run"), CertificateDirectory: a.path("tls"),
		Classes: classes(), Reaper: reaper(),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			address = strings.Replace(address, local+":", a.address+":", 1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	if m, _ := a.s.plan.Member(a.name); m.Component != "" {
		d := NewKeeper(options)
		a.driver, a.tenant, a.rules = d, &d.tenant, clickhouse.KeeperRunbook
		return
	}
	d := New(options)
	a.driver, a.tenant = d, &d.tenant
}

func (a *actor) path(name string) string { return filepath.Join(a.root, name) }

// certify gives a member its certificates, which are good for its address, and the members' password.
func (s *stage) certify(a *actor) {
	s.Helper()
	s.must(os.MkdirAll(a.path("tls"), dataMode))
	mine, err := s.authority.IssueClient(clickhouse.InterserverUser, time.Now(), rand.Reader)
	s.must(err)
	shown := s.shown(a.address)
	for file, content := range map[string][]byte{
		resource.CACertKey: s.authority.CertPEM, resource.ServerCertKey: shown.CertPEM, resource.ServerKeyKey: shown.KeyPEM,
		resource.ClientCertKey: mine.CertPEM, resource.ClientKeyKey: mine.KeyPEM,
		resource.ReplicationPasswordKey: []byte("among members"),
	} {
		s.must(os.WriteFile(filepath.Join(a.path("tls"), file), content, secretMode))
	}
}

// shown is a server's certificate for an address: AtlasDB's own have names only.
func (s *stage) shown(address string) tlsutil.Pair {
	s.Helper()
	pair, err := s.authority.IssueServer("orders", []string{"localhost"}, time.Now(), rand.Reader)
	s.must(err)
	parse := func(text []byte) []byte { block, _ := pem.Decode(text); return block.Bytes }
	key, err := x509.ParsePKCS8PrivateKey(parse(s.authority.KeyPEM))
	s.must(err)
	issuer, err := x509.ParseCertificate(parse(s.authority.CertPEM))
	s.must(err)
	template, err := x509.ParseCertificate(parse(pair.CertPEM))
	s.must(err)
	signed, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orders"},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter, ExtKeyUsage: template.ExtKeyUsage,
		DNSNames: []string{localhost}, IPAddresses: []net.IP{net.ParseIP(address)},
	}, issuer, template.PublicKey, key)
	s.must(err)
	return tlsutil.Pair{
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), KeyPEM: pair.KeyPEM,
	}
}

// plan is the stage's with the paths and the address of this member.
func (a *actor) plan() engine.Plan {
	here := strings.NewReplacer(
		clickhouse.DataDirectory, a.path("clickhouse"), resource.TLSMountPath, a.path("tls"),
		"<listen_host>::</listen_host>", "", "<listen_host>0.0.0.0<", "<listen_host>"+a.address+"<",
		"clientPort=", "clientPortAddress="+a.address+"\nclientPort=",
		"quorumListenOnAllIPs=true", "quorumListenOnAllIPs=false",
		"<verificationMode>strict<", "<verificationMode>relaxed<",
	)
	p := a.s.plan
	p.Files = map[string]string{}
	for name, content := range a.s.configure() {
		p.Files[name] = here.Replace(content)
	}
	return p
}

// pass is one of the agent's loop.
func (a *actor) pass() runbook.Observation {
	a.s.Helper()
	o := runbook.Observation{Member: a.name, Plan: a.plan(), Stopping: a.stopping}
	a.s.must(a.driver.Observe(a.s.Context(), &o))
	o.Stopping = a.stopping
	step := runbook.Converge(a.rules, o)
	switch step.Kind {
	case runbook.StepWait, runbook.StepExit:
	case runbook.StepTend:
		a.tended, a.failed = a.driver.Tend(a.s.Context(), o.Plan, o)
	default:
		a.took = append(a.took, step.Kind)
		a.failed = a.driver.Do(a.s.Context(), runbook.Task{Step: step, Plan: o.Plan, Observation: o})
	}
	return o
}

// until makes passes of some members until one of them sees what is waited for.
func (s *stage) until(what string, reached func(o runbook.Observation) bool, actors ...*actor) {
	s.Helper()
	var o runbook.Observation
	var failed error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, a := range actors {
			if o = a.pass(); reached(o) {
				return
			}
			failed = a.failed
		}
	}
	s.Fatalf("%s did not come: %+v, problem %+v, failed: %v", what, o.Server, o.Problem, failed)
}

// serve makes passes of all, in turn, until each of them serves.
func (s *stage) serve(actors ...*actor) {
	s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		serving := 0
		for _, a := range actors {
			if o := a.pass(); o.Server.Streaming {
				serving++
			}
			if m, found, _ := a.tenant.volume.mark(); found && s.plan.SystemID == "" {
				s.plan.SystemID, s.plan.Initialiser = m.SystemID, ""
			}
		}
		if serving == len(actors) {
			return
		}
	}
	for _, a := range actors {
		o := a.pass()
		s.Errorf("%s: %+v, %+v, %s, refused %q, failed: %v", a.name, o.Server, o.Problem, o.SchemaBehind, o.Refused, a.failed)
	}
	s.FailNow()
}

// kill kills the member's server as a crash does.
func (a *actor) kill() {
	if a.tenant.server != nil && !a.tenant.server.Ended() {
		_ = a.tenant.server.Signal(syscall.SIGKILL)
		<-a.tenant.server.Done()
	}
}

// as is a client of a member's server.
func (a *actor) as(user, password string) driver.Conn {
	a.s.Helper()
	client, err := connect(login{
		address: a.address, host: localhost, username: user, password: password, certificates: a.path("tls"),
	})
	a.s.must(err)
	a.s.Cleanup(func() { _ = client.Close() })
	return client
}

func (a *actor) app() driver.Conn { return a.as("app", "application's") }

// says runs statements as the application.
func (a *actor) says(statements ...string) {
	a.s.Helper()
	for _, statement := range statements {
		if err := a.app().Exec(a.s.Context(), statement); err != nil {
			a.s.Fatalf("%s: %v", statement, err)
		}
	}
}

// rows counts those of a table.
func (a *actor) rows(table string) uint64 {
	a.s.Helper()
	n, err := number(a.s.Context(), a.app(), "SELECT toUInt64(count()) FROM "+table)
	a.s.must(err)
	return n
}
