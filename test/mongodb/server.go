// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// Server is a server of MongoDB's protocol on this machine.
type Server struct {
	// Host is the name in its certificate, and Port the one that it listens on with TLS.
	Host, Port string
	// options end its URI.
	options string
	// Authority is the file of the certificate that clients trust.
	Authority string
	// Root may do everything.
	Root Login
}

// Login is a user with a password.
type Login struct{ User, Password string }

// StartFerretDB starts one with an empty database, until the test ends.
func StartFerretDB(t *testing.T) *Server {
	t.Helper()
	program := os.Getenv("ATLASDB_FERRETDB")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("NOT CHECKED: there is no FerretDB: %v", err)
	}
	folder := t.TempDir()
	s := newServer(t, folder)
	s.Root, s.options = Login{"root", "unguessed"}, "authSource=admin&directConnection=true&tls=true"
	s.run(t, folder, program,
		"--handler=sqlite", "--sqlite-url=file:"+folder+"/", "--state-dir="+folder, "--telemetry=disable",
		"--test-enable-new-auth",
		"--setup-database=admin", "--setup-username="+s.Root.User, "--setup-password="+s.Root.Password,
		"--listen-addr=", "--debug-addr=-", "--listen-tls="+net.JoinHostPort("127.0.0.1", s.Port),
		"--listen-tls-cert-file="+filepath.Join(folder, "tls.crt"),
		"--listen-tls-key-file="+filepath.Join(folder, "tls.key"))
	return s
}

// newServer makes a server's certificate, and finds it a port.
func newServer(t *testing.T, folder string) *Server {
	t.Helper()
	s := &Server{Host: "localhost", Port: freePort(t), Authority: filepath.Join(folder, "ca.crt")}
	authority, err := tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	must(t, err)
	pair, err := authority.IssueServer("orders", []string{s.Host}, time.Now(), rand.Reader)
	must(t, err)
	for name, content := range map[string][]byte{
		"ca.crt": authority.CertPEM, "tls.crt": pair.CertPEM, "tls.key": pair.KeyPEM,
		"tls.pem": append(pair.KeyPEM, pair.CertPEM...),
	} {
		must(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, listener.Close()) }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return port
}

// run starts a program and waits until it listens. What it says is shown when the test fails.
func (s *Server) run(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(folder, "log"))
	must(t, err)
	command := exec.CommandContext(t.Context(), program, args...)
	command.Stdout, command.Stderr, command.Dir = log, log, folder
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), said)
		}
	})
	eventually(t, program+" listens", func() error {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", s.Port))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// eventually tries something that cannot be waited for otherwise.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time: %v", what, err)
		}
	}
}

// URI is like that of a binding.
func (s *Server) URI(l Login) string {
	return fmt.Sprintf("mongodb://%s:%s@%s/app?%s", l.User, l.Password, net.JoinHostPort(s.Host, s.Port), s.options)
}

// Client is the vendor's driver, connected to this server whatever that is.
func (s *Server) Client(t *testing.T, l Login, change ...func(*options.ClientOptions)) *mongo.Client {
	t.Helper()
	pem, err := os.ReadFile(s.Authority)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	o := options.Client().ApplyURI(s.URI(l)).SetDirect(true).SetServerSelectionTimeout(2 * time.Second).
		SetTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	for _, x := range change {
		x(o)
	}
	client, err := mongo.Connect(o)
	must(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
