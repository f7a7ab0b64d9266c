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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	kresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/agent/process"
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
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
		name := fmt.Sprintf("orders-db-%d", i)
		s.plan.Members = append(s.plan.Members, engine.PlanMember{Name: name, Host: ownAddress()})
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
		Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
			corev1.ResourceMemory: kresource.MustParse("512Mi"),
		}},
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
