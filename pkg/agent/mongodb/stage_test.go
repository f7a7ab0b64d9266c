// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
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
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// No mongod can be had where these tests run. Behind every test whose name has "Simulated" is the stand-in of
// test/standin/mongod: real processes that speak MongoDB's protocol, and vote as its documentation says.

// standin builds the stand-in, once for all tests.
var standin = sync.OnceValues(func() (program string, err error) {
	directory, err := os.MkdirTemp("", "standin")
	if err != nil {
		return "", err
	}
	program = filepath.Join(directory, "mongod")
	build := exec.Command("go", "build", "-o", program, "github.com/atlasdb/atlasdb/test/standin/mongod")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the stand-in: %w\n%s", err, said)
	}
	return program, nil
})

// reaper takes all children of this process: there may be one only. So the stand-in is built before it begins.
var reaper = sync.OnceValue(func() *process.Reaper {
	r := process.NewReaper()
	go r.Run(context.Background())
	return r
})

// stage is where the servers of one cluster run, for one test.
type stage struct {
	*testing.T
	program    string
	authority  *tlsutil.Authority
	plan       engine.Plan
	parameters map[string]string
	soak       int64
	// broken is added to every configuration: something that no server takes.
	broken string
	actors []*actor
}

// newStage is one with some members in its plan, of which none runs.
func newStage(t *testing.T, members int) *stage {
	t.Helper()
	program, err := standin()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, program: program, plan: engine.Plan{
		ClusterUID: "uid-1", Cluster: "orders", Namespace: "shop", Engine: v1alpha1.EngineMongoDB, Build: "7.0.24",
		Initialiser: "orders-db-0", Durability: v1alpha1.DurabilityMajority, PowerState: v1alpha1.PowerRunning,
		Users: []engine.PlanUser{{Name: "app", Verifier: verifier("secret")}},
	}}
	s.authority, err = tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	s.must(err)
	for range members {
		s.cast()
	}
	return s
}

func verifier(password string) string { return mongodb.Engine{}.Verifier("uid-1", "app", password) }

// cast gives the plan one more member, whose agent has just started.
func (s *stage) cast() *actor {
	s.Helper()
	m := engine.PlanMember{Name: fmt.Sprintf("orders-db-%d", len(s.plan.Members)), Host: ownAddress()}
	s.plan.Members = append(s.plan.Members, m)
	a := &actor{s: s, name: m.Name, address: m.Host, root: s.TempDir(), build: s.plan.Build}
	s.certify(a)
	a.begin()
	s.actors = append(s.actors, a)
	s.Cleanup(func() {
		a.kill()
		_ = a.siblings.keep(context.Background(), nil)
	})
	return a
}

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
		Engine: v1alpha1.EngineMongoDB, Version: s.plan.Build, Durability: s.plan.Durability,
		Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
			corev1.ResourceMemory: kresource.MustParse("512Mi"),
		}},
		Parameters: map[string]v1alpha1.ParameterValue{},
		MongoDB: &v1alpha1.MongoDBSpec{
			FeatureCompatibility: v1alpha1.FeatureCompatibilitySpec{SoakSeconds: &s.soak},
		},
	}
	for name, value := range s.parameters {
		spec.Parameters[name] = v1alpha1.ParameterValue(value)
	}
	return mongodb.Engine{}.Configure(spec, s.plan.Build)
}

// certify gives a member its certificates, which are good for its address, and what the members share.
func (s *stage) certify(a *actor) {
	s.Helper()
	s.must(os.MkdirAll(a.path("tls"), dataMode))
	shown := s.shown(a.address)
	for file, content := range map[string][]byte{
		resource.CACertKey: s.authority.CertPEM, resource.ServerCertKey: shown.CertPEM, resource.ServerKeyKey: shown.KeyPEM,
		resource.ReplicationPasswordKey: []byte("among members"),
	} {
		s.must(os.WriteFile(filepath.Join(a.path("tls"), file), content, 0o600))
	}
}

// shown is a server's certificate for an address: AtlasDB's own have names only.
func (s *stage) shown(address string) tlsutil.Pair {
	s.Helper()
	pair, err := s.authority.IssueServer("orders", []string{localhost}, time.Now(), rand.Reader)
	s.must(err)
	parse := func(text []byte) []byte { block, _ := pem.Decode(text); return block.Bytes }
	key, err := x509.ParsePKCS8PrivateKey(parse(s.authority.KeyPEM))
	s.must(err)
	issuer, err := x509.ParseCertificate(parse(s.authority.CertPEM))
	s.must(err)
	template, err := x509.ParseCertificate(parse(pair.CertPEM))
	s.must(err)
	signed, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "orders"},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter, ExtKeyUsage: template.ExtKeyUsage,
		DNSNames: []string{localhost}, IPAddresses: []net.IP{net.ParseIP(address)},
	}, issuer, template.PublicKey, key)
	s.must(err)
	return tlsutil.Pair{
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), KeyPEM: pair.KeyPEM,
	}
}
